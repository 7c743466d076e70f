"""Facts in, state out: the only way in which recovery, the live book and time travel learn anything.

No matching logic stands here: an event says what changed, in full. A hole in `seq`, or an event about an order or a
product that is not there, means that the log or the code is broken: `Broken`, and the partition stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.events import (
    AmendRejected,
    AnyEvent,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    DuplicateIgnored,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderRejected,
    OrderRested,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    RulesChanged,
    TradeExecuted,
    TradingStatusChanged,
)


class Broken(Exception):
    """The log and the state do not agree, or an invariant of the state does not hold."""


def fold(state: PartitionState, event: AnyEvent) -> None:
    """Apply one event. Raises Broken, with the state possibly half changed: it is of no further use then."""
    if event.seq != state.seq + 1:
        raise Broken(f"partition {state.partition}: event {event.seq} follows event {state.seq}")
    state.seq = event.seq
    state.time = event.time
    kind = type(event)
    if event.command_offset != state.command_offset:
        if event.command_offset < state.command_offset:
            raise Broken(
                f"partition {state.partition}: event {event.seq} goes back from command {state.command_offset} "
                f"to {event.command_offset}"
            )
        state.command_offset = event.command_offset
        state.window.expire(event.time)
        if kind is not DuplicateIgnored:
            state.window.add(event.command_id, event.key, event.time, event.sent)
    try:
        _APPLY[kind](state, event)
    except KeyError as missing:
        raise Broken(
            f"partition {state.partition}: event {event.seq} ({kind.__name__}) names {missing}, which is not there"
        ) from None


def _book(state: PartitionState, event: Event) -> ProductBook:
    book = state.products[event.number]
    book.sequence = event.sequence
    return book


def _nothing(state: PartitionState, event: Event) -> None:
    pass


def _accepted(state: PartitionState, event: OrderAccepted) -> None:
    _book(state, event).admit(
        event.order_id, event.account, event.client_oid, event.side, event.price, event.size, event.post_only
    )


def _rested(state: PartitionState, event: OrderRested) -> None:
    book = _book(state, event)
    order = book.orders[event.order_id]
    order.remaining = event.remaining
    order.displayed = event.displayed
    book.rest(order, event.seq)


def _traded(state: PartitionState, event: TradeExecuted) -> None:
    book = _book(state, event)
    book.trade_id = event.trade_id
    book.last_price = event.price
    maker = book.orders[event.maker_order_id]
    maker.filled += event.size
    _shrink(maker, event.maker_remaining, event.maker_displayed)
    taker = book.orders[event.taker_order_id]
    taker.filled += event.size
    taker.remaining = taker.displayed = event.taker_remaining


def _shrink(order: Order, remaining: int, displayed: int) -> None:
    level = order.level
    if level is not None:
        level.volume += displayed - order.displayed
    order.remaining = remaining
    order.displayed = displayed


def _amended(state: PartitionState, event: OrderAmended) -> None:
    book = _book(state, event)
    order = book.orders[event.order_id]
    if not event.kept_place:
        book.unrest(order)
    order.price = event.price
    order.size = event.size
    _shrink(order, event.remaining, event.displayed)


def _done(state: PartitionState, event: OrderDone) -> None:
    book = _book(state, event)
    book.close(book.orders[event.order_id])


def _listed(state: PartitionState, event: ProductListed) -> None:
    state.list_product(event.product)
    _book(state, event)


def _changed(state: PartitionState, event: ProductUpdated | TradingStatusChanged) -> None:
    _book(state, event).product = event.product


def _delisted(state: PartitionState, event: ProductDelisted) -> None:
    _book(state, event)
    state.delist(event.product)


def _rules(state: PartitionState, event: RulesChanged) -> None:
    state.rules = event.rules


_APPLY = cast(
    dict[type[Event], Callable[[PartitionState, Event], None]],
    {
        OrderAccepted: _accepted,
        OrderRejected: _nothing,
        AmendRejected: _nothing,
        CancelRejected: _nothing,
        CommandRejected: _nothing,
        OrderRested: _rested,
        TradeExecuted: _traded,
        OrderAmended: _amended,
        OrderDone: _done,
        CancelAllDone: _nothing,
        ProductListed: _listed,
        ProductUpdated: _changed,
        TradingStatusChanged: _changed,
        ProductDelisted: _delisted,
        DuplicateIgnored: _nothing,
        RulesChanged: _rules,
    },
)
