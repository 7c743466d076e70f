"""What happened: facts, complete enough to rebuild the whole state with no matching logic. They stand in `order-events`.

Every command has at least one event. The last event of a command has `last` set: positions, books and feeds advance
only there. `sequence` counts the public facts of a product and has no hole; a private fact carries the current value.
"""

import msgspec

from libs.events.values import (
    NO_ID,
    ClosedReason,
    DeadLetterName,
    DoneReason,
    FailureCause,
    OrderTerms,
    OrderType,
    Product,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="tag"):
    """The header."""

    seq: int
    """Gapless in a partition, from 1."""
    number: int
    """The product's number; 0 of a fact of the whole partition."""
    sequence: int
    """Gapless over the public facts of a product, from 1."""
    time: int
    """Engine time, ns."""
    command_offset: int
    """Where in `orders` the command stands that caused it; of an event without a command, the one before; -1 if none."""
    command_id: bytes
    last: bool
    account: str
    """Who sent the command. Like key and sent it stands only on the first event that is the command's own, else empty:
    what a deadline caused that came due with the command stands before that."""
    key: int
    sent: int


class OrderAccepted(Event, frozen=True, array_like=True, gc=False, tag=32):
    order_id: bytes
    client_oid: str
    side: Side
    type: OrderType
    price: int
    size: int
    funds: int
    time_in_force: TimeInForce
    post_only: bool
    replay_of: DeadLetterName | None
    stp: SelfTradePrevention = SelfTradePrevention.DC
    stop_price: int = 0
    max_floor: int = 0
    expire_time: int = 0


class OrderRejected(Event, frozen=True, array_like=True, gc=False, tag=33):
    order_id: bytes
    client_oid: str
    side: Side
    type: OrderType
    price: int
    size: int
    funds: int
    time_in_force: TimeInForce
    post_only: bool
    reason: RejectReason
    first_order_id: bytes
    """Of a duplicate: the command that came first; else `NO_ID`."""
    stp: SelfTradePrevention = SelfTradePrevention.DC
    stop_price: int = 0
    max_floor: int = 0
    expire_time: int = 0
    parked_id: bytes = NO_ID
    """The parked command that ends here, where another command's event says so; else `NO_ID`. So in every rejection."""


class AmendRejected(Event, frozen=True, array_like=True, gc=False, tag=34):
    order_id: bytes
    client_oid: str
    reason: RejectReason
    first_order_id: bytes
    parked_id: bytes = NO_ID


class CancelRejected(Event, frozen=True, array_like=True, gc=False, tag=35):
    order_id: bytes
    client_oid: str
    reason: RejectReason
    first_order_id: bytes
    parked_id: bytes = NO_ID


class CommandRejected(Event, frozen=True, array_like=True, gc=False, tag=36):
    """Of a command about no single order, or one that came too late to be told from a repeat (`stale`)."""

    order_id: bytes
    client_oid: str
    reason: RejectReason
    first_order_id: bytes
    parked_id: bytes = NO_ID


class OrderRested(Event, frozen=True, array_like=True, gc=False, tag=37):
    """Now in the book, at the back of its level. Its `seq` is the order's place in the queue."""

    order_id: bytes
    side: Side
    price: int
    remaining: int
    displayed: int


class TradeExecuted(Event, frozen=True, array_like=True, gc=False, tag=38):
    trade_id: int
    """Gapless in a product, from 1."""
    maker_order_id: bytes
    taker_order_id: bytes
    maker_account: str
    taker_account: str
    taker_side: Side
    price: int
    size: int
    maker_remaining: int
    maker_displayed: int
    taker_remaining: int
    taker_funds: int


class OrderAmended(Event, frozen=True, array_like=True, gc=False, tag=39):
    """Where a resting order left the queue, trades, `OrderRested` or `OrderDone` follow."""

    order_id: bytes
    side: Side
    price: int
    size: int
    remaining: int
    displayed: int
    kept_place: bool
    """In the queue, or of an armed stop in the arming order; a stop that lost it has this `seq` as its place."""
    max_floor: int = 0
    stop_price: int = 0
    expire_time: int = 0


class OrderDone(Event, frozen=True, array_like=True, gc=False, tag=40):
    order_id: bytes
    side: Side
    price: int
    remaining: int
    reason: DoneReason


class CancelAllDone(Event, frozen=True, array_like=True, gc=False, tag=41):
    count: int


class ProductListed(Event, frozen=True, array_like=True, gc=False, tag=42):
    product: Product


class ProductUpdated(Event, frozen=True, array_like=True, gc=False, tag=43):
    product: Product


class TradingStatusChanged(Event, frozen=True, array_like=True, gc=False, tag=44):
    product: Product


class ProductDelisted(Event, frozen=True, array_like=True, gc=False, tag=45):
    product: Product


class DuplicateIgnored(Event, frozen=True, array_like=True, gc=False, tag=46):
    """A command that is open or in the window came again. What it asked for was decided the first time."""

    order_id: bytes


class RulesChanged(Event, frozen=True, array_like=True, gc=False, tag=47):
    """From here on this version of the rules decides."""

    rules: int


class StopArmed(Event, frozen=True, array_like=True, gc=False, tag=48):
    """A stop waits. Its `seq` is its place in the arming order."""

    order_id: bytes
    side: Side
    stop_price: int


class StopTriggered(Event, frozen=True, array_like=True, gc=False, tag=49):
    """A stop fired: from here on it is an order like any other, and has left the stops."""

    order_id: bytes
    side: Side
    stop_price: int


class OrderReplenished(Event, frozen=True, array_like=True, gc=False, tag=50):
    """An iceberg shows its next slice, at the back of its level. Its `seq` is the order's place in the queue."""

    order_id: bytes
    side: Side
    price: int
    remaining: int
    displayed: int


class SelfTradePrevented(Event, frozen=True, array_like=True, gc=False, tag=51):
    """A taker met an order of its own account: no trade. Who is done by it, `OrderDone` says next."""

    maker_order_id: bytes
    taker_order_id: bytes
    mode: SelfTradePrevention
    taker_side: Side
    price: int
    size: int
    """Taken off both by `DC`; else 0."""
    maker_remaining: int
    maker_displayed: int
    taker_remaining: int
    taker_funds: int


class CancelAllAfterArmed(Event, frozen=True, array_like=True, gc=False, tag=52):
    deadline: int
    """Engine time, ns."""


class CancelAllAfterDisarmed(Event, frozen=True, array_like=True, gc=False, tag=53):
    pass


class CancelAllAfterFired(Event, frozen=True, array_like=True, gc=False, tag=54):
    """The switch of `owner` fired, after the orders that it ended."""

    owner: str
    deadline: int
    count: int


class TimeAdvanced(Event, frozen=True, array_like=True, gc=False, tag=55):
    pass


class ClusterSizeChanged(Event, frozen=True, array_like=True, gc=False, tag=56):
    """New products are spread over so many partitions: what belongs to another one is not listed here any more."""

    partitions: int


class CommandDeferred(Event, frozen=True, array_like=True, gc=False, tag=57):
    """A command was not decided: it is parked, and comes back from a retry topic."""

    order_id: bytes
    client_oid: str
    kind: int
    """The command's tag."""
    cause: FailureCause
    attempt: int
    """With which it comes back: one more each time, from 1. Whatever comes with another one is ignored."""
    failures: int
    """Attempts that counted; waiting behind another command counts none."""
    tier: int
    """Of the retry topics: 1, 2 or 3."""
    due: int
    """Engine time, ns, from which it comes back."""
    line: bytes
    """The order whose commands wait one behind the other; of a command about no order of its account, its own id."""
    replay_of: DeadLetterName | None = None
    terms: OrderTerms | None = None
    """Of a place that this version can read."""


class CommandResumed(Event, frozen=True, array_like=True, gc=False, tag=58):
    """A parked command came back and is decided: its outcome follows. It says nothing of who sent it: what follows does."""

    order_id: bytes
    client_oid: str
    kind: int
    attempt: int
    """With which it came back."""
    failures: int


class CommandDeadLettered(Event, frozen=True, array_like=True, gc=False, tag=59):
    """A command died undecided. Its dead letter is open, and named by its partition and `command_offset`."""

    order_id: bytes
    client_oid: str
    kind: int
    """The command's tag; 0 of an unreadable one."""
    cause: FailureCause
    failures: int
    """Attempts that counted, this one included."""
    first_failed_at: int
    """Engine time, ns."""
    replays: int
    """How many replays it has behind it."""
    replay_of: DeadLetterName | None = None


class DeadLetterClosed(Event, frozen=True, array_like=True, gc=False, tag=60):
    """From here on no replay of it is taken. Where a replay closes it, `command_id` is the replay's."""

    dead_letter: DeadLetterName
    reason: ClosedReason
    note: str = ""


AnyEvent = (
    OrderAccepted
    | OrderRejected
    | AmendRejected
    | CancelRejected
    | CommandRejected
    | OrderRested
    | TradeExecuted
    | OrderAmended
    | OrderDone
    | CancelAllDone
    | ProductListed
    | ProductUpdated
    | TradingStatusChanged
    | ProductDelisted
    | DuplicateIgnored
    | RulesChanged
    | StopArmed
    | StopTriggered
    | OrderReplenished
    | SelfTradePrevented
    | CancelAllAfterArmed
    | CancelAllAfterDisarmed
    | CancelAllAfterFired
    | TimeAdvanced
    | ClusterSizeChanged
    | CommandDeferred
    | CommandResumed
    | CommandDeadLettered
    | DeadLetterClosed
)

PRODUCT_EVENTS = (ProductListed, ProductUpdated, TradingStatusChanged, ProductDelisted)
"""Facts about a product, each with the product after the change."""

REJECTIONS = (OrderRejected, AmendRejected, CancelRejected, CommandRejected)
"""What says that a command changed nothing, and why."""
