"""What the newer answers look like. The descriptions of both APIs are made of these, so they cannot differ from them.

Decimals are strings, as everywhere; what is `null` does not apply yet.
"""

from typing import TypeAlias

import msgspec

CandleShape: TypeAlias = tuple[int, str, str, str, str, str]
"""`[time, low, high, open, close, volume]`: the beginning in seconds since the epoch, then decimals."""
SparkShape: TypeAlias = tuple[int, str, str, str, str]
"""`[time, low, high, open, close]`."""


class Stats(msgspec.Struct, frozen=True):
    """The last 24 hours of a product, exact to the minute at the far end; 30 days exact to the hour."""

    open: str | None
    high: str | None
    low: str | None
    last: str | None
    volume: str
    volume_30day: str


class CurrencyDetails(msgspec.Struct, frozen=True):
    type: str
    min_size: str


class Currency(msgspec.Struct, frozen=True):
    """A currency that products are in. `max_precision` is the finest unit that any of them counts in."""

    id: str
    name: str
    min_size: str
    max_precision: str
    status: str
    details: CurrencyDetails


class Account(msgspec.Struct, frozen=True):
    """Of one currency: what trades brought less what they took, and what open orders would take.

    Nothing is deposited here, so a balance may be below zero. An id is the currency.
    """

    id: str
    currency: str
    balance: str
    hold: str
    available: str
    profile_id: str
    trading_enabled: bool


class Holding(msgspec.Struct, frozen=True):
    """Of one product: all that the account ever bought and sold of it. `size` is the position, bought less sold."""

    product_id: str
    size: str
    trades: int
    bought_size: str
    bought_value: str
    sold_size: str
    sold_value: str


class Fees(msgspec.Struct, frozen=True):
    """There are none."""

    maker_fee_rate: str = "0"
    taker_fee_rate: str = "0"
    usd_volume: str | None = None


class ProductStatus(msgspec.Struct, frozen=True):
    id: str
    status: str


class Status(msgspec.Struct, frozen=True):
    """`online`, or `degraded` while a part of the products cannot be followed."""

    status: str
    message: str
    products: list[ProductStatus]


class RateLimits(msgspec.Struct, frozen=True):
    """Requests a second and how many at once; `null` is no limit."""

    per_second: int
    burst: int


class RequestLimits(msgspec.Struct, frozen=True):
    key: RateLimits | None
    address: RateLimits | None
    body_bytes: int
    batch_body_bytes: int
    batch_items: int
    signature_window_seconds: int


class PageLimits(msgspec.Struct, frozen=True):
    default: int
    most: int
    events: int
    candles: int
    wait_seconds: int


class Limits(msgspec.Struct, frozen=True):
    requests: RequestLimits
    pages: PageLimits
