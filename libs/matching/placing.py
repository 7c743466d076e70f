"""A new order: accepted or rejected, matched, and what is left of it rests or is done."""

from __future__ import annotations

from libs.book.fold import accepted
from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.stops import through
from libs.events.commands import PlaceOrder
from libs.events.events import AnyEvent, OrderAccepted, OrderRested, StopArmed, StopTriggered
from libs.events.values import DoneReason, OrderType, RejectReason, TimeInForce
from libs.matching.crossing import fills, finish, match, match_funds
from libs.matching.rejections import reject
from libs.matching.validation import collar, place_reason, status_accepts

_LIMIT = OrderType.LIMIT
_GTC = TimeInForce.GTC
_GTD = TimeInForce.GTD
_FOK = TimeInForce.FOK


def place(state: PartitionState, command: PlaceOrder, book: ProductBook | None, events: list[AnyEvent]) -> None:
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    reason = place_reason(state, command, book)
    if reason is not None:
        events.append(reject(state, command, book, reason))
        return
    waits = command.stop_price != 0 and not through(command.side, command.stop_price, book.last_price)
    acceptance = _accepted(state, command, book, waits)
    events.append(acceptance)
    order = accepted(acceptance)
    if not command.stop_price:
        execute(state, command.command_id, book, order, events)
    elif not waits:
        trigger(state, command.command_id, book, order, events)
    else:
        book.keep(order)
        _arm(state, command.command_id, book, order, events)
    if book.stops.count:
        fire_stops(state, command.command_id, book, events)


def execute(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    """An order acts, at entry or when its stop fires, until it rests or is done."""
    if order.type is not _LIMIT:
        _execute_market(state, command_id, book, order, events)
        return
    if order.time_in_force is _FOK:
        reason = fills(book, order)
        if reason is not None:
            finish(state, command_id, book, order, reason, events)
            return
    cross(state, command_id, book, order, events)


def cross(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    """A limit order that is in no queue trades with what it crosses; what is left rests, or is done."""
    if match(state, command_id, book, order, order.price, events):
        finish(state, command_id, book, order, DoneReason.SELF_TRADE, events)
    elif not order.remaining:
        finish(state, command_id, book, order, DoneReason.FILLED, events)
    elif order.time_in_force is _GTC or order.time_in_force is _GTD:
        rest(state, command_id, book, order, events)
    else:
        finish(state, command_id, book, order, DoneReason.CANCELED, events)


def rest(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    """An order that crosses nothing takes its place at the back of its level."""
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    floor, remaining = order.max_floor, order.remaining
    order.displayed = displayed = floor if 0 < floor < remaining else remaining
    order.priority = seq
    side = order.side
    if order.order_id not in book.orders:
        book.keep(order)
    (book.bids if side == 1 else book.asks).append(order)
    events.append(
        OrderRested(
            seq,
            book.number,
            sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            order.order_id,
            side,
            order.price,
            remaining,
            displayed,
        )
    )


def fire_stops(state: PartitionState, command_id: bytes, book: ProductBook, events: list[AnyEvent]) -> None:
    """Every stop that the last trade is through, and every one that those set off: a line, not a recursion."""
    line = book.stops.take_through(book.last_price)
    at = 0
    while at < len(line):
        trigger(state, command_id, book, line[at], events)
        at += 1
        if book.stops.count:
            line += book.stops.take_through(book.last_price)


def trigger(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    state.seq += 1
    book.sequence += 1
    events.append(
        StopTriggered(
            state.seq,
            book.number,
            book.sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            order.order_id,
            order.side,
            order.stop_price,
        )
    )
    if status_accepts(book.product.status, order.type, order.post_only):
        execute(state, command_id, book, order, events)
    else:
        finish(state, command_id, book, order, DoneReason.TRADING_STATUS, events)


def _execute_market(
    state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]
) -> None:
    limit = collar(book, order.side)
    reason: DoneReason | None
    if order.funds:
        reason = match_funds(state, command_id, book, order, limit, events)
    elif match(state, command_id, book, order, limit, events):
        reason = DoneReason.SELF_TRADE
    else:
        reason = None if order.remaining else DoneReason.FILLED
    if reason is None:
        ended = book.opposite(order.side).best is None
        reason = DoneReason.NO_LIQUIDITY if ended else DoneReason.PRICE_COLLAR
    finish(state, command_id, book, order, reason, events)


def _arm(state: PartitionState, command_id: bytes, book: ProductBook, order: Order, events: list[AnyEvent]) -> None:
    state.seq += 1
    book.stops.arm(order, state.seq)
    events.append(
        StopArmed(
            state.seq,
            book.number,
            book.sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            order.order_id,
            order.side,
            order.stop_price,
        )
    )


def _accepted(state: PartitionState, command: PlaceOrder, book: ProductBook, waits: bool) -> OrderAccepted:
    """The fact that an order is accepted; of a stop that waits, nobody else hears."""
    state.seq = seq = state.seq + 1
    if not waits:
        book.sequence += 1
    return OrderAccepted(
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
        command.order_id,
        command.client_oid,
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        command.replay_of,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
    )
