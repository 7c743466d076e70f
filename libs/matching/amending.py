"""An order changes in place: same id, and its size is the new total."""

from __future__ import annotations

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AmendOrder
from libs.events.events import AnyEvent, OrderAmended
from libs.events.values import DoneReason, RejectReason
from libs.matching.crossing import match
from libs.matching.placing import finish, settle
from libs.matching.rejections import missing_order_reason, reject
from libs.matching.validation import amend_reason


def amend(state: PartitionState, command: AmendOrder, book: ProductBook | None, events: list[AnyEvent]) -> None:
    """Size down keeps the place in the queue; a new price or a larger size loses it, and may trade."""
    if book is None:
        events.append(reject(state, command, book, RejectReason.UNKNOWN_PRODUCT))
        return
    order = book.find(command.account, command.order_id, command.client_oid)
    reason = missing_order_reason(state, command) if order is None else amend_reason(command, order, book)
    if order is None or reason is not None:
        events.append(reject(state, command, book, reason or RejectReason.UNKNOWN_ORDER))
        return
    price = order.price if command.price is None else command.price
    size = order.size if command.size is None else max(command.size, order.filled)
    keeps_place = price == order.price and size <= order.size
    if not keeps_place:
        book.unrest(order)
    _change(order, price, size)
    events.append(_amended(state, command, book, order, keeps_place))
    if not order.remaining:
        finish(state, command.command_id, book, order, DoneReason.FILLED, events)
    elif not keeps_place:
        match(state, command.command_id, book, order, events)
        settle(state, command.command_id, book, order, True, events)


def _change(order: Order, price: int, size: int) -> None:
    remaining = size - order.filled
    if order.level is not None:
        order.level.volume += remaining - order.displayed
    order.price = price
    order.size = size
    order.remaining = order.displayed = remaining


def _amended(
    state: PartitionState, command: AmendOrder, book: ProductBook, order: Order, kept_place: bool
) -> OrderAmended:
    state.seq = seq = state.seq + 1
    book.sequence = sequence = book.sequence + 1
    return OrderAmended(
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
        order.order_id,
        order.side,
        order.price,
        order.size,
        order.remaining,
        order.displayed,
        kept_place,
    )
