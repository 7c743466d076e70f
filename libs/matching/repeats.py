"""What comes twice, late, or from the future: looked at before a command is decided, or put off.

The engine asks the same in a shorter way while nothing is parked. Here is all of it, for a command of any version.
"""

from __future__ import annotations

from libs.book.orders import NOBODY
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.window import CLOCK_LEAD
from libs.events.commands import Command, Envelope, PlaceOrder
from libs.events.events import AnyEvent, CommandRejected, DuplicateIgnored
from libs.events.values import RejectReason
from libs.matching.rejections import only_header, refuse, rejection


def repeat(
    state: PartitionState, command: Command | Envelope, book: ProductBook | None, time: int
) -> list[AnyEvent] | None:
    """The events of a command that is a repeat, or cannot be told from one; None of one that is not."""
    window = state.window
    if _is_known(state, command, book):
        return ignored(state, command, book)
    if command.sent <= window.watermark:
        if command.attempt:
            return ignored(state, command, book)
        return [rejection(CommandRejected, state, command, book, RejectReason.STALE)]
    if command.sent > time + CLOCK_LEAD:
        window.add(command.command_id, command.key, 0)
        return [refuse(state, command, book, RejectReason.CLOCK)]
    first = _first(state, command, book)
    if first is None:
        return None
    window.add(command.command_id, 0, command.sent)
    return [refuse(state, command, book, RejectReason.DUPLICATE, first)]


def ignored(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> list[AnyEvent]:
    return [DuplicateIgnored(*only_header(state, command, book), command.order_id)]


def _is_known(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> bool:
    command_id = command.command_id
    if state.window.has(command_id) or command_id in state.parked:
        return True
    return book is not None and is_place(command) and command_id in book.orders


def _first(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> bytes | None:
    """The command that used the key up, or the open or parked order that has the name."""
    account, key = command.account, command.key
    user = state.window.user_of(key)
    if user:
        return user
    if key in state.parked.keys_used:
        return state.parked.keys_used[key]
    name = command.client_oid or key if is_place(command) else key
    if not name:
        return None
    order = None if book is None else book.accounts.get(account, NOBODY).get(name)
    if order is not None:
        return order.order_id
    return state.parked.names.get((command.number, account, name))


def is_place(command: Command | Envelope) -> bool:
    """Of a later version's command: it brings an id of its own for an order."""
    return isinstance(command, PlaceOrder) or (isinstance(command, Envelope) and command.order_id == command.command_id)
