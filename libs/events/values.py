"""The words commands and events are made of. Numbers on the wire never change their meaning."""

from enum import IntEnum
from typing import Final

import msgspec

MAX_INTEGER: Final = 2**62 - 1
"""The largest price, size or funds, in units of their scale: any sum of two still fits the wire's 64 bits."""

NO_ID: Final = b""
"""Stands where an order id could stand and none is meant."""

REPLAY_LIMIT: Final = 3
"""Replays that one command may have behind it, each of which died again."""


class Side(IntEnum):
    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    LIMIT = 1
    MARKET = 2


class TimeInForce(IntEnum):
    GTC = 1
    IOC = 2
    FOK = 3
    GTD = 4


class SelfTradePrevention(IntEnum):
    """What happens when a taker meets an order of its own account. The taker's instruction rules."""

    DC = 1
    """Both are reduced by the smaller."""
    CO = 2
    """The maker is done."""
    CN = 3
    """The taker is done."""
    CB = 4
    """Both are done."""


class TradingStatus(IntEnum):
    ONLINE = 1
    POST_ONLY = 2
    LIMIT_ONLY = 3
    CANCEL_ONLY = 4
    HALTED = 5
    DELISTED = 6


class DoneReason(IntEnum):
    FILLED = 1
    CANCELED = 2
    NO_LIQUIDITY = 3
    """A market order met the end of the book."""
    DELISTED = 4
    EXPIRED = 5
    SELF_TRADE = 6
    TRADING_STATUS = 7
    """A stop fired into a status that does not take it."""
    PRICE_COLLAR = 8
    """A market order met the product's price collar."""
    DEAD_LETTERED = 9
    """Ending it when its time came failed, and failed again."""


class RejectReason(IntEnum):
    """Why a command changed nothing. `docs/reference/matching.md` states their precedence: the first that applies."""

    STALE = 1
    CLOCK = 2
    DUPLICATE = 3
    UNKNOWN_PRODUCT = 4
    PRODUCT_EXISTS = 5
    INVALID_PRODUCT = 6
    TRADING_STATUS = 7
    UNKNOWN_ORDER = 8
    ORDER_DONE = 9
    NOT_OWNER = 10
    INVALID_ORDER = 11
    INVALID_PRICE = 12
    INVALID_SIZE = 13
    INVALID_FUNDS = 14
    OFF_TICK = 15
    OFF_LOT = 16
    BELOW_MIN_SIZE = 17
    ABOVE_MAX_SIZE = 18
    BELOW_MIN_NOTIONAL = 19
    POST_ONLY = 20
    NOTHING_TO_CHANGE = 21
    TOO_MANY_PRODUCTS = 22
    INVALID_STOP_PRICE = 23
    INVALID_MAX_FLOOR = 24
    INVALID_EXPIRE_TIME = 25
    PRICE_COLLAR = 26
    TOO_MANY_ORDERS = 27
    INVALID_TIMEOUT = 28
    WRONG_PARTITION = 29
    INVALID_CLUSTER_SIZE = 30
    CANCELED = 31
    """While it was parked: its order was cancelled, or its product delisted."""
    DEAD_LETTERED = 32
    """It is a dead letter now."""
    NO_DEAD_LETTER = 33
    """No dead letter of that name is open."""
    TOO_MANY_REPLAYS = 34
    TOO_MANY_PARKED = 35


class FailureCause(IntEnum):
    """Why a command was not decided when it came."""

    VERSION = 1
    """A later version wrote it, and this one reads no more than its envelope."""
    FAULT = 2
    """Deciding it raised an error."""
    FOLLOWER = 3
    """It waits behind a parked command of the same order; nothing is wrong with it."""
    CRASH = 4
    """Deciding it ended the process, again and again."""
    UNREADABLE = 5
    """Not even an envelope."""


class ClosedReason(IntEnum):
    """What became of a dead letter."""

    REPLAYED = 1
    """Its replay was decided."""
    DIED_AGAIN = 2
    """Its replay died: the new dead letter stands for it."""
    DISCARDED = 3
    CROWDED_OUT = 4
    """More were open than a partition keeps open: the oldest went."""


class Product(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A market and its rules. Scales are decimal places and never change; the increments may.

    Prices and `quote_increment` are integers at `price_scale`, sizes and `base_increment` at `size_scale`,
    `min_notional` at `price_scale + size_scale`. A limit of 0 is no limit. `price_collar` is in basis points of the last
    trade's price, or of `reference_price` before the first trade.
    """

    product_id: str
    number: int
    """`counter * 256 + partition`: given once, never used again."""
    partition: int
    base_currency: str
    quote_currency: str
    price_scale: int
    size_scale: int
    quote_increment: int
    base_increment: int
    status: TradingStatus
    min_size: int = 0
    max_size: int = 0
    min_notional: int = 0
    price_collar: int = 0
    reference_price: int = 0
    max_open_orders: int = 0
    """Of one account in this product."""


class Cluster(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the topic `products` says of the cluster itself, under a key that no product has."""

    name: str
    partitions: int
    """That new products are spread over. Only grows."""


class OrderTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a `PlaceOrder` asks for: its own fields, behind the envelope."""

    side: Side
    type: OrderType
    price: int
    size: int
    funds: int
    time_in_force: TimeInForce
    post_only: bool
    stp: SelfTradePrevention
    stop_price: int
    max_floor: int
    expire_time: int


class DeadLetterName(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Partition and offset in `orders` of a command that died."""

    partition: int
    offset: int
