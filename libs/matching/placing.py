"""A new order: accepted or rejected, matched, and what is left of it rests or is done."""

from __future__ import annotations

from libs.book.ladder import Ladder
from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import PlaceOrder
from libs.events.events import AnyEvent, OrderAccepted, OrderDone, OrderRested
from libs.events.values import DoneReason, OrderType, RejectReason, TimeInForce
from libs.matching.crossing import match, match_funds
from libs.matching.rejections import reject
from libs.matching.validation import place_reason

_LIMIT = OrderType.LIMIT
_GTC = TimeInForce.GTC
_FOK = TimeInForce.FOK


def place(state: PartitionState, command: PlaceOrder, book: ProductBook | None, events: list[AnyEvent]) -> None:
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    reason = place_reason(command, book)
    if reason is not None:
        events.append(reject(state, command, book, reason))
        return
    events.append(_accepted(state, command, book))
    order = book.admit(
        command.order_id,
        command.account,
        command.client_oid,
        command.side,
        command.price,
        command.size,
        command.post_only,
    )
    if command.type is not _LIMIT:
        _execute_market(state, command, book, order, events)
    elif command.time_in_force is _FOK and not fills(book.opposite(order.side), order):
        finish(state, command.command_id, book, order, DoneReason.CANCELED, events)
    else:
        match(state, command.command_id, book, order, events)
        settle(state, command.command_id, book, order, command.time_in_force is _GTC, events)


def settle(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    order: Order,
    may_rest: bool,
    events: list[AnyEvent],
) -> None:
    """What becomes of a limit order that has met all it could: filled, at rest, or canceled."""
    remaining = order.remaining
    if not remaining:
        finish(state, command_id, book, order, DoneReason.FILLED, events)
    elif may_rest:
        state.seq = seq = state.seq + 1
        book.sequence = sequence = book.sequence + 1
        book.rest(order, seq)
        events.append(
            OrderRested(
                seq,
                book.product.number,
                sequence,
                state.time,
                state.command_offset,
                command_id,
                False,
                "",
                0,
                0,
                order.order_id,
                order.side,
                order.price,
                remaining,
                order.displayed,
            )
        )
    else:
        finish(state, command_id, book, order, DoneReason.CANCELED, events)


def finish(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    order: Order,
    reason: DoneReason,
    events: list[AnyEvent],
    account: str = "",
    key: int = 0,
    sent: int = 0,
) -> None:
    """An open order ends. The last three go into the header where this is a command's first event."""
    book.close(order)
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    events.append(
        OrderDone(
            seq,
            book.product.number,
            sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            account,
            key,
            sent,
            order.order_id,
            order.side,
            order.price,
            order.remaining,
            reason,
        )
    )


def fills(opposite: Ladder, order: Order) -> bool:
    """True if the book holds enough for the whole of a limit order, at its price or better."""
    wanted, price, sign = order.remaining, order.price, opposite.sign
    for level in opposite:
        if sign * level.price < sign * price:
            return False
        wanted -= level.volume
        if wanted <= 0:
            return True
    return False


def _execute_market(
    state: PartitionState, command: PlaceOrder, book: ProductBook, order: Order, events: list[AnyEvent]
) -> None:
    if command.funds:
        exhausted = match_funds(state, command.command_id, book, order, command.funds, events)
    else:
        match(state, command.command_id, book, order, events)
        exhausted = order.remaining == 0
    reason = DoneReason.FILLED if exhausted else DoneReason.NO_LIQUIDITY
    finish(state, command.command_id, book, order, reason, events)


def _accepted(state: PartitionState, command: PlaceOrder, book: ProductBook) -> OrderAccepted:
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    return OrderAccepted(
        seq,
        command.number,
        sequence,
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
    )
