"""Facts in, state out: the only way in which recovery, the live book and time travel learn anything.

No matching logic stands here: an event says what changed, in full. A hole in `seq`, or an event about an order or a
product that is not there, means that the log or the code is broken: `Broken`, and the partition stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from libs.book.orders import Order
from libs.book.parked import parked_by
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.events import (
    REJECTIONS,
    AmendRejected,
    AnyEvent,
    CancelAllAfterArmed,
    CancelAllAfterDisarmed,
    CancelAllAfterFired,
    CancelAllDone,
    CancelRejected,
    ClusterSizeChanged,
    CommandDeadLettered,
    CommandDeferred,
    CommandRejected,
    CommandResumed,
    DeadLetterClosed,
    DuplicateIgnored,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderRejected,
    OrderReplenished,
    OrderRested,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    RulesChanged,
    SelfTradePrevented,
    StopArmed,
    StopTriggered,
    TimeAdvanced,
    TradeExecuted,
    TradingStatusChanged,
)
from libs.events.values import FailureCause, RejectReason


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
        window = state.window
        if event.time >= window.turn_at or event.command_offset >= window.full_at:
            window.turn(event.time, event.command_offset)
    if event.sent:
        _remember(state, event)
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


def _rejected(state: PartitionState, event: OrderRejected | AmendRejected | CancelRejected | CommandRejected) -> None:
    if event.parked_id:
        state.parked.take(event.parked_id)


def _remember(state: PartitionState, event: Event) -> None:
    """The command's own first event: from here on it is remembered."""
    if type(event) is DuplicateIgnored:
        return
    reason = event.reason if isinstance(event, REJECTIONS) else None
    if reason is not RejectReason.STALE:
        key = 0 if reason is RejectReason.DUPLICATE else event.key
        state.window.add(event.command_id, key, 0 if reason is RejectReason.CLOCK else event.sent)


def _accepted(state: PartitionState, event: OrderAccepted) -> None:
    _book(state, event).keep(accepted(event))


def accepted(event: OrderAccepted) -> Order:
    """The order as accepted, in no queue."""
    return Order(
        event.order_id,
        event.account,
        event.client_oid or event.key,
        event.side,
        event.price,
        event.size,
        event.size,
        0,
        0,
        event.time_in_force,
        event.post_only,
        event.stp,
        event.max_floor,
        event.stop_price,
        event.expire_time,
        event.funds,
        0,
        False,
    )


def _rested(state: PartitionState, event: OrderRested) -> None:
    book = _book(state, event)
    order = book.orders[event.order_id]
    order.displayed = event.displayed
    book.rest(order, event.seq)


def _armed(state: PartitionState, event: StopArmed) -> None:
    book = _book(state, event)
    book.stops.arm(book.orders[event.order_id], event.seq)


def _triggered(state: PartitionState, event: StopTriggered) -> None:
    book = _book(state, event)
    order = book.orders[event.order_id]
    if order.armed:
        book.stops.disarm(order)


def _traded(state: PartitionState, event: TradeExecuted) -> None:
    book = _book(state, event)
    book.trade_id = event.trade_id
    book.last_price = event.price
    _met(book, event)


def _prevented(state: PartitionState, event: SelfTradePrevented) -> None:
    book = _book(state, event)
    book.orders[event.maker_order_id].taken_off += event.size
    taker = book.orders[event.taker_order_id]
    if taker.size:
        taker.taken_off += event.size
    _met(book, event)


def _met(book: ProductBook, event: TradeExecuted | SelfTradePrevented) -> None:
    """What remains of two orders that met. A maker whose slice is gone has left its place."""
    maker = book.orders[event.maker_order_id]
    if event.maker_displayed:
        book.ladder(maker.side).levels[maker.price].volume += event.maker_displayed - maker.displayed
        maker.displayed = event.maker_displayed
    else:
        maker = book.move(maker)
    maker.remaining = event.maker_remaining
    taker = book.orders[event.taker_order_id]
    taker.remaining = event.taker_remaining
    taker.funds = event.taker_funds


def _replenished(state: PartitionState, event: OrderReplenished) -> None:
    book = _book(state, event)
    order = book.orders[event.order_id]
    order.displayed = event.displayed
    book.rest(order, event.seq)


def _amended(state: PartitionState, event: OrderAmended) -> None:
    book = _book(state, event)
    order = book.orders[event.order_id]
    if order.armed:
        order.stop_price = event.stop_price
        if not event.kept_place:
            book.stops.arm(order, event.seq)
    elif event.kept_place and event.displayed:
        book.ladder(order.side).levels[order.price].volume += event.displayed - order.displayed
        order.displayed = event.displayed
    else:
        order = book.move(order)
    order.price = event.price
    order.size = event.size
    order.remaining = event.remaining
    order.max_floor = event.max_floor
    if event.expire_time != order.expire_time:
        order.expire_time = event.expire_time
        book.deadlines.watch(order)


def _done(state: PartitionState, event: OrderDone) -> None:
    book = _book(state, event)
    book.close(book.orders[event.order_id])


def _switched(state: PartitionState, event: CancelAllAfterArmed) -> None:
    _book(state, event).deadlines.switch(event.account, event.deadline)


def _switch_gone(state: PartitionState, event: CancelAllAfterDisarmed) -> None:
    _book(state, event).deadlines.switches.pop(event.account, None)


def _switch_fired(state: PartitionState, event: CancelAllAfterFired) -> None:
    _book(state, event).deadlines.switches.pop(
        event.owner, None
    )  # whoever only follows may have begun after it was set


def _listed(state: PartitionState, event: ProductListed) -> None:
    state.list_product(event.product)
    _book(state, event)


def _changed(state: PartitionState, event: ProductUpdated) -> None:
    _book(state, event).adopt(event.product)


def _status_changed(state: PartitionState, event: TradingStatusChanged) -> None:
    """Whoever set the status knew of the faults until then."""
    _book(state, event).adopt(event.product)
    state.faults.pop(event.number, None)


def _delisted(state: PartitionState, event: ProductDelisted) -> None:
    _book(state, event)
    state.delist(event.product)


def _count_fault(state: PartitionState, event: CommandDeferred | CommandDeadLettered) -> None:
    if event.cause is FailureCause.FAULT and event.number in state.products:
        state.faults.add(event.number, event.command_id, event.time)


def _deferred(state: PartitionState, event: CommandDeferred) -> None:
    parked = state.parked
    parked.put(parked_by(event, parked.get(event.command_id)))
    _count_fault(state, event)


def _resumed(state: PartitionState, event: CommandResumed) -> None:
    state.parked.take(event.command_id)


def _dead_lettered(state: PartitionState, event: CommandDeadLettered) -> None:
    state.parked.take(event.command_id)
    state.dead_letters[event.command_offset] = event.replays
    _count_fault(state, event)


def _dead_letter_closed(state: PartitionState, event: DeadLetterClosed) -> None:
    state.dead_letters.pop(event.dead_letter.offset, None)  # whoever only follows may have begun after it was opened


def _rules(state: PartitionState, event: RulesChanged) -> None:
    state.rules = event.rules


def _resized(state: PartitionState, event: ClusterSizeChanged) -> None:
    state.cluster_size = event.partitions


_APPLY = cast(
    dict[type[Event], Callable[[PartitionState, Event], None]],
    {
        OrderAccepted: _accepted,
        OrderRejected: _rejected,
        AmendRejected: _rejected,
        CancelRejected: _rejected,
        CommandRejected: _rejected,
        OrderRested: _rested,
        TradeExecuted: _traded,
        OrderAmended: _amended,
        OrderDone: _done,
        CancelAllDone: _nothing,
        ProductListed: _listed,
        ProductUpdated: _changed,
        TradingStatusChanged: _status_changed,
        ProductDelisted: _delisted,
        DuplicateIgnored: _nothing,
        RulesChanged: _rules,
        StopArmed: _armed,
        StopTriggered: _triggered,
        OrderReplenished: _replenished,
        SelfTradePrevented: _prevented,
        CancelAllAfterArmed: _switched,
        CancelAllAfterDisarmed: _switch_gone,
        CancelAllAfterFired: _switch_fired,
        TimeAdvanced: _nothing,
        ClusterSizeChanged: _resized,
        CommandDeferred: _deferred,
        CommandResumed: _resumed,
        CommandDeadLettered: _dead_lettered,
        DeadLetterClosed: _dead_letter_closed,
    },
)
