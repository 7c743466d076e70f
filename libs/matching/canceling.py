"""Orders end because their owner says so: one, or all of an account in a product."""

from __future__ import annotations

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook, in_cancel_order
from libs.events.commands import CancelAllOrders, CancelOrder
from libs.events.events import AnyEvent, CancelAllDone
from libs.events.values import DoneReason, RejectReason
from libs.matching.crossing import finish
from libs.matching.rejections import missing_order_reason, reject

_CANCELED = DoneReason.CANCELED


def cancel(state: PartitionState, command: CancelOrder, book: ProductBook | None, events: list[AnyEvent]) -> None:
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    order = book.find(command.account, command.order_id, command.client_oid)
    if order is None:
        events.append(reject(state, command, book, missing_order_reason(state, command)))
    elif order.account != command.account:
        events.append(reject(state, command, book, RejectReason.NOT_OWNER))
    else:
        account, key, sent = command.account, command.key, command.sent
        finish(state, command.command_id, book, order, _CANCELED, events, account, key, sent)


def cancel_all(
    state: PartitionState, command: CancelAllOrders, book: ProductBook | None, events: list[AnyEvent]
) -> None:
    """None at all is no error."""
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    orders = orders_of(book, command.account, command.side)
    account, key, sent = command.account, command.key, command.sent
    for order in orders:
        finish(state, command.command_id, book, order, _CANCELED, events, account, key, sent)
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


def orders_of(book: ProductBook, account: str, side: int | None = None) -> list[Order]:
    """Open orders of an account, of one side or of both, in the order in which a cancel all ends them."""
    owned = book.accounts.get(account, {}).values()
    return in_cancel_order(order for order in owned if side is None or order.side == side)
