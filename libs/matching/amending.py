"""An order changes in place: same id, and its size is the new total."""

from __future__ import annotations

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AmendOrder
from libs.events.events import AmendRejected, AnyEvent, OrderAmended
from libs.events.values import NO_ID, DoneReason, RejectReason
from libs.matching.crossing import finish
from libs.matching.placing import cross, fire_stops
from libs.matching.rejections import end, missing_order_reason
from libs.matching.validation import amend_reason


def amend(state: PartitionState, command: AmendOrder, book: ProductBook) -> list[AnyEvent]:
    """Size down keeps the place in the queue; a new price, a larger size or another max_floor loses it, and may trade."""
    order = book.find(command.account, command.order_id, command.client_oid)
    if order is None:
        return [_not_amended(state, command, book, missing_order_reason(state, command))]
    reason = amend_reason(state, command, order, book)
    if reason is not None:
        return [_not_amended(state, command, book, reason)]
    events: list[AnyEvent] = []
    if order.armed:
        _amend_stop(state, command, book, order, events)
    else:
        _amend_resting(state, command, book, order, events)
    if book.stops.count:
        fire_stops(state, command.command_id, book, events)
    return end(events)


def _not_amended(state: PartitionState, command: AmendOrder, book: ProductBook, reason: RejectReason) -> AmendRejected:
    state.seq = seq = state.seq + 1
    # fmt: off
    return AmendRejected(
        seq, book.number, book.sequence, state.time, state.command_offset, command.command_id, True, command.account,
        command.key, command.sent, command.order_id, command.client_oid, reason, NO_ID,
    )
    # fmt: on


def _amend_stop(
    state: PartitionState, command: AmendOrder, book: ProductBook, order: Order, events: list[AnyEvent]
) -> None:
    """A stop waits on; with another stop_price, at the end of the arming order."""
    kept = command.stop_price is None or command.stop_price == order.stop_price
    if command.price is not None:
        order.price = command.price
    if command.size is not None:
        order.size = order.remaining = command.size
    if command.max_floor is not None:
        order.max_floor = command.max_floor
    if command.stop_price is not None:
        order.stop_price = command.stop_price
    _expire(book, order, command.expire_time)
    events.append(_amended(state, command, book, order, 0, kept))
    if not kept:
        book.stops.arm(order, state.seq)


def _amend_resting(
    state: PartitionState, command: AmendOrder, book: ProductBook, order: Order, events: list[AnyEvent]
) -> None:
    taken = order.size - order.remaining
    size = order.size if command.size is None else max(command.size, taken)
    remaining = size - taken
    price = order.price if command.price is None else command.price
    floor = order.max_floor if command.max_floor is None else command.max_floor
    if remaining and price == order.price and floor == order.max_floor and size <= order.size:
        displayed = min(order.displayed, remaining)
        book.ladder(order.side).levels[price].volume += displayed - order.displayed
        order.displayed = displayed
        order.size, order.remaining = size, remaining
        _expire(book, order, command.expire_time)
        events.append(_amended(state, command, book, order, displayed, True))
        return
    order = book.move(order)
    order.price, order.max_floor, order.size, order.remaining = price, floor, size, remaining
    _expire(book, order, command.expire_time)
    if remaining:
        shown = floor if 0 < floor < remaining else remaining
        events.append(_amended(state, command, book, order, shown, False))
        cross(state, command.command_id, book, order, events)
    else:
        events.append(_amended(state, command, book, order, 0, True))
        reason = DoneReason.CANCELED if order.taken_off else DoneReason.FILLED
        finish(state, command.command_id, book, order, reason, events)


def _expire(book: ProductBook, order: Order, expire_time: int | None) -> None:
    if expire_time is not None and expire_time != order.expire_time:
        order.expire_time = expire_time
        book.deadlines.watch(order)


def _amended(
    state: PartitionState, command: AmendOrder, book: ProductBook, order: Order, displayed: int, kept_place: bool
) -> OrderAmended:
    """The fact of a change; of an armed stop, nobody else hears."""
    state.seq = seq = state.seq + 1
    if not order.armed:
        book.sequence += 1
    return OrderAmended(
        seq,
        command.number,
        book.sequence,
        state.time,
        state.command_offset,
        command.command_id,
        False,
        command.account,
        command.key,
        command.sent,
        order.order_id,
        order.side,
        order.price,
        order.size,
        order.remaining,
        displayed,
        kept_place,
        order.max_floor,
        order.stop_price,
        order.expire_time,
    )
