"""What happened: facts, complete enough to rebuild the whole state with no matching logic. They stand in `order-events`.

Every command has at least one event. The last event of a command has `last` set: positions, books and feeds advance
only there. `sequence` counts the public facts of a product and has no hole; a private fact carries the current value.
"""

import msgspec

from libs.events.values import (
    DeadLetterName,
    DoneReason,
    OrderType,
    Product,
    RejectReason,
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
    """Who sent the command; like key and sent only on a command's first event, else empty."""
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


class AmendRejected(Event, frozen=True, array_like=True, gc=False, tag=34):
    order_id: bytes
    client_oid: str
    reason: RejectReason
    first_order_id: bytes


class CancelRejected(Event, frozen=True, array_like=True, gc=False, tag=35):
    order_id: bytes
    client_oid: str
    reason: RejectReason
    first_order_id: bytes


class CommandRejected(Event, frozen=True, array_like=True, gc=False, tag=36):
    """Of a command about no single order, or one that came too late to be told from a repeat (`stale`)."""

    order_id: bytes
    client_oid: str
    reason: RejectReason
    first_order_id: bytes


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
    """Where the order left the queue, trades, `OrderRested` or `OrderDone` follow."""

    order_id: bytes
    side: Side
    price: int
    size: int
    remaining: int
    displayed: int
    kept_place: bool


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
)

PRODUCT_EVENTS = (ProductListed, ProductUpdated, TradingStatusChanged, ProductDelisted)
"""Facts about a product, each with the product after the change."""
