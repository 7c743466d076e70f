"""Orders end because their owner says so: one, or all of an account in a product."""

from __future__ import annotations

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import CancelAllOrders, CancelOrder
from libs.events.events import AnyEvent, CancelAllDone
from libs.events.values import DoneReason, RejectReason
from libs.matching.placing import finish
from libs.matching.rejections import missing_order_reason, reject


def cancel(state: PartitionState, command: CancelOrder, book: ProductBook | None, events: list[AnyEvent]) -> None:
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    order = book.find(command.account, command.order_id, command.client_oid)
    if order is None:
        events.append(reject(state, command, book, missing_order_reason(state, command)))
    elif order.account.name != command.account:
        events.append(reject(state, command, book, RejectReason.NOT_OWNER))
    else:
        finish(
            state,
            command.command_id,
            book,
            order,
            DoneReason.CANCELED,
            events,
            command.account,
            command.key,
            command.sent,
        )


def cancel_all(
    state: PartitionState, command: CancelAllOrders, book: ProductBook | None, events: list[AnyEvent]
) -> None:
    """Buys from the best, then sells from the best. None at all is no error."""
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    orders = _of_account(book, command)
    account, key, sent = command.account, command.key, command.sent
    for order in orders:
        finish(state, command.command_id, book, order, DoneReason.CANCELED, events, account, key, sent)
        account, key, sent = "", 0, 0
    state.seq += 1
    events.append(
        CancelAllDone(
            state.seq,
            command.number,
            book.sequence,
            state.time,
            state.command_offset,
            command.command_id,
            False,
            account,
            key,
            sent,
            len(orders),
        )
    )


def _of_account(book: ProductBook, command: CancelAllOrders) -> list[Order]:
    owner = book.accounts.get(command.account)
    if owner is None:
        return []
    side = command.side
    return book.in_cancel_order(order for order in owner.orders.values() if side is None or order.side == side)
