"""Orders end because their owner says so: one, or all of an account in a product."""

from __future__ import annotations

from libs.book.ladder import SLACK
from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook, in_cancel_order
from libs.events.commands import CancelAllOrders, CancelOrder
from libs.events.events import AnyEvent, CancelAllDone, CancelRejected, OrderDone
from libs.events.values import NO_ID, DoneReason, RejectReason
from libs.matching.crossing import finish
from libs.matching.parking import end_all
from libs.matching.rejections import NOBODY, end, missing_order_reason

_CANCELED = DoneReason.CANCELED


def cancel(state: PartitionState, command: CancelOrder, book: ProductBook) -> list[AnyEvent]:
    order_id, account = command.order_id, command.account
    order = book.orders.get(order_id) if order_id else book.find(account, NO_ID, command.client_oid)
    if order is None:
        return [_not_canceled(state, command, book, missing_order_reason(state, command))]
    if order.account != account:
        return [_not_canceled(state, command, book, RejectReason.NOT_OWNER)]
    if order.armed:
        events: list[AnyEvent] = []
        finish(state, command.command_id, book, order, _CANCELED, events, account, command.key, command.sent)
        return end(events)
    side, price, remaining = order.side, order.price, order.remaining
    # What ProductBook.close does, without its calls: no command is as frequent as this one.
    ladder = book.bids if side == 1 else book.asks
    level = ladder.levels[price]
    level.volume -= order.displayed
    level.count = count = level.count - 1
    order.remaining = 0
    if not count:
        ladder.vacate(level)
    elif len(level.queue) > 2 * count + SLACK:
        level.sweep()
    order_id = order.order_id
    del book.orders[order_id]
    owner = book.accounts[account]
    del owner[order.label or order_id]
    if not owner:
        del book.accounts[account]
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    # fmt: off
    return [
        OrderDone(
            seq, book.number, sequence, state.time, state.command_offset, command.command_id, True, account,
            command.key, command.sent, order_id, side, price, remaining, _CANCELED,
        )
    ]
    # fmt: on


def _not_canceled(
    state: PartitionState, command: CancelOrder, book: ProductBook, reason: RejectReason
) -> CancelRejected:
    state.seq = seq = state.seq + 1
    return CancelRejected(
        seq,
        book.number,
        book.sequence,
        state.time,
        state.command_offset,
        command.command_id,
        True,
        command.account,
        command.key,
        command.sent,
        command.order_id,
        command.client_oid,
        reason,
        NO_ID,
    )


def cancel_all(state: PartitionState, command: CancelAllOrders, book: ProductBook) -> list[AnyEvent]:
    """None at all is no error."""
    events: list[AnyEvent] = []
    orders = orders_of(book, command.account, command.side)
    account, key, sent = command.account, command.key, command.sent
    for order in orders:
        finish(state, command.command_id, book, order, _CANCELED, events, account, key, sent)
        account, key, sent = "", 0, 0
    count = len(orders)
    if state.parked:
        before = len(events)
        count += end_all(
            state, command.command_id, book, command.account, command.side, orders, events, (account, key, sent)
        )
        if len(events) > before:
            account, key, sent = NOBODY
    state.seq += 1
    events.append(
        CancelAllDone(
            state.seq,
            command.number,
            book.sequence,
            state.time,
            state.command_offset,
            command.command_id,
            True,
            account,
            key,
            sent,
            count,
        )
    )
    return events


def orders_of(book: ProductBook, account: str, side: int | None = None) -> list[Order]:
    """Open orders of an account, of one side or of both, in the order in which a cancel all ends them."""
    owned = book.accounts.get(account, {}).values()
    return in_cancel_order(order for order in owned if side is None or order.side == side)
