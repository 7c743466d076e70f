"""What answers look like: made of these, or, where an answer is made directly, described by them and held to it by tests.

Decimals are strings, as everywhere; what is `null` does not apply yet.
"""

from typing import TypeAlias

import msgspec

CandleShape: TypeAlias = tuple[int, str, str, str, str, str]
"""`[time, low, high, open, close, volume]`: the beginning in seconds since the epoch, then decimals."""
SparkShape: TypeAlias = tuple[int, str, str, str, str]
"""`[time, low, high, open, close]`."""


class Stats(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last 24 hours of a product, exact to the minute at the far end; 30 days exact to the hour."""

    open: str | None
    high: str | None
    low: str | None
    last: str | None
    volume: str
    volume_30day: str


class CurrencyDetails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    min_size: str


class Currency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A currency that products are in. `max_precision` is the finest unit that any of them counts in."""

    id: str
    name: str
    min_size: str
    max_precision: str
    status: str
    details: CurrencyDetails


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class Holding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one product: all that the account ever bought and sold of it. `size` is the position, bought less sold."""

    product_id: str
    size: str
    trades: int
    bought_size: str
    bought_value: str
    sold_size: str
    sold_value: str


class Fees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """There are none."""

    maker_fee_rate: str = "0"
    taker_fee_rate: str = "0"
    usd_volume: str | None = None


class ProductStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    status: str


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`online`, or `degraded` while a part of the products cannot be followed."""

    status: str
    message: str
    products: list[ProductStatus]


class RateLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests a second and how many at once; `null` is no limit."""

    per_second: int
    burst: int


class RequestLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: RateLimits | None
    address: RateLimits | None
    body_bytes: int
    batch_body_bytes: int
    batch_items: int
    signature_window_seconds: int


class PageLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    default: int
    most: int
    events: int
    candles: int
    wait_seconds: int


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    requests: RequestLimits
    pages: PageLimits


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`epoch` is seconds with six decimal places."""

    iso: str
    epoch: str
    epoch_ns: int


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a partition: how far Postgres and the live book are. `lag` is events that the one is behind the other."""

    partition: int
    next_seq: int
    command_offset: int
    time: str
    live_next_seq: int
    live_command_offset: int
    live_time: str
    lag: int | None
    stopped: str | None


class Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`price_collar` is in basis points, `max_open_orders` of one account."""

    id: str
    base_currency: str
    quote_currency: str
    display_name: str
    quote_increment: str
    base_increment: str
    min_size: str | None
    max_size: str | None
    min_market_funds: str | None
    price_collar: int | None
    reference_price: str | None
    max_open_orders: int | None
    price_scale: int
    size_scale: int
    status: str
    post_only: bool
    limit_only: bool
    cancel_only: bool
    trading_disabled: bool
    number: int
    partition: int


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Best first. Levels 1 and 2: `[price, size, orders]`; level 3: `[price, size, order_id]`."""

    sequence: int
    bids: list[tuple[str, str, int | str]]
    asks: list[tuple[str, str, int | str]]
    auction_mode: bool
    auction: None
    time: str


class Ticker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last trade, the best bid and ask, and what was traded in 24 hours."""

    trade_id: int | None
    price: str | None
    size: str | None
    time: str | None
    bid: str | None
    ask: str | None
    bid_size: str | None
    ask_size: str | None
    volume: str
    sequence: int | None


class Trade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`side` is the maker's."""

    trade_id: int
    price: str
    size: str
    side: str
    time: str


class Fill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`side` is that of the order; `liquidity` is `M` of a maker, `T` of a taker."""

    trade_id: int
    product_id: str
    order_id: str
    account: str
    price: str
    size: str
    side: str
    liquidity: str
    fee: str
    settled: bool
    created_at: str


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What does not apply is left out."""

    id: str
    account: str
    post_only: bool
    remaining_size: str
    filled_size: str
    executed_value: str
    fill_fees: str
    status: str
    created_at: str
    updated_at: str
    settled: bool
    product_id: str | msgspec.UnsetType = msgspec.UNSET
    client_oid: str | msgspec.UnsetType = msgspec.UNSET
    side: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET
    time_in_force: str | msgspec.UnsetType = msgspec.UNSET
    expire_time: str | msgspec.UnsetType = msgspec.UNSET
    stp: str | msgspec.UnsetType = msgspec.UNSET
    stop: str | msgspec.UnsetType = msgspec.UNSET
    stop_price: str | msgspec.UnsetType = msgspec.UNSET
    max_floor: str | msgspec.UnsetType = msgspec.UNSET
    price: str | msgspec.UnsetType = msgspec.UNSET
    size: str | msgspec.UnsetType = msgspec.UNSET
    funds: str | msgspec.UnsetType = msgspec.UNSET
    displayed_size: str | msgspec.UnsetType = msgspec.UNSET
    prevented_size: str | msgspec.UnsetType = msgspec.UNSET
    done_reason: str | msgspec.UnsetType = msgspec.UNSET
    reject_reason: str | msgspec.UnsetType = msgspec.UNSET
    duplicate_of: str | msgspec.UnsetType = msgspec.UNSET
    replay_of: str | msgspec.UnsetType = msgspec.UNSET
    done_at: str | msgspec.UnsetType = msgspec.UNSET


OrderEvent: TypeAlias = dict[str, msgspec.Raw]
"""`type` names an event of docs/reference/events.md; the rest are its fields, as texts."""
