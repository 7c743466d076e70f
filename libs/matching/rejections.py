"""The one event of a command that changes nothing. It is no public fact: it carries the product's current sequence."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec.structs import force_setattr

from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, Command, Envelope, PlaceOrder, tag_of
from libs.events.events import AmendRejected, AnyEvent, CancelRejected, CommandRejected, OrderRejected
from libs.events.ids import key_digest
from libs.events.values import NO_ID, RejectReason

_ORDER_DONE = RejectReason.ORDER_DONE
_UNKNOWN_ORDER = RejectReason.UNKNOWN_ORDER

Header: TypeAlias = tuple[int, int, int, int, int, bytes, bool, str, int, int]
Sender: TypeAlias = tuple[str, int, int]
"""Account, key and order_api's time, which stand on the first event that is a command's own."""
NOBODY: Final[Sender] = ("", 0, 0)
Rejection: TypeAlias = type[AmendRejected] | type[CancelRejected] | type[CommandRejected]

AMEND: Final = tag_of(AmendOrder)
CANCEL: Final = tag_of(CancelOrder)
_BY_KIND: Final[dict[int, Rejection]] = {AMEND: AmendRejected, CANCEL: CancelRejected}


def reject(
    state: PartitionState,
    command: AnyCommand,
    book: ProductBook | None,
    reason: RejectReason,
    first: bytes = NO_ID,
) -> AnyEvent:
    """The rejection of a command's own kind; of a duplicate, with the id of the command that came first."""
    match command:
        case PlaceOrder():
            return _order_rejected(state, command, book, reason, first)
        case CancelOrder():
            return rejection(CancelRejected, state, command, book, reason, first)
        case AmendOrder():
            return rejection(AmendRejected, state, command, book, reason, first)
        case _:
            return rejection(CommandRejected, state, command, book, reason, first)


def refuse(
    state: PartitionState,
    command: Command | Envelope,
    book: ProductBook | None,
    reason: RejectReason,
    first: bytes = NO_ID,
) -> AnyEvent:
    """The same of a command of any version. Of an order that cannot be read, the id is all that is said."""
    if isinstance(command, PlaceOrder):
        return _order_rejected(state, command, book, reason, first)
    kind = command.kind if isinstance(command, Envelope) else tag_of(type(command))
    return rejection(rejection_of(kind), state, command, book, reason, first)


def rejection_of(kind: int) -> Rejection:
    """That of a command with this tag, unless it is a place that can be read."""
    return _BY_KIND.get(kind, CommandRejected)


def repeated(state: PartitionState, command: AnyCommand, book: ProductBook | None, first: bytes) -> list[AnyEvent]:
    """A command under a key, or a client_oid, that is used up: it uses up nothing itself, and is remembered by its id."""
    state.window.add(command.command_id, 0, command.sent)
    return [reject(state, command, book, RejectReason.DUPLICATE, first)]


def end(events: list[AnyEvent]) -> list[AnyEvent]:
    """A command's events, the last of them marked."""
    force_setattr(events[-1], "last", True)
    return events


def rejection(
    kind: Rejection,
    state: PartitionState,
    command: Command | Envelope,
    book: ProductBook | None,
    reason: RejectReason,
    first: bytes = NO_ID,
) -> AmendRejected | CancelRejected | CommandRejected:
    """A rejection that names its order, if any, as the command did."""
    head = only_header(state, command, book)
    return kind(*head, command.order_id, command.client_oid, reason, first)


def only_header(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> Header:
    """The header of a command's only event, which is no public fact; counts it."""
    state.seq += 1
    return (
        state.seq,
        command.number,
        0 if book is None else book.sequence,
        state.time,
        state.command_offset,
        command.command_id,
        True,
        command.account,
        command.key,
        command.sent,
    )


def header(state: PartitionState, command_id: bytes, number: int, sender: Sender = NOBODY) -> Header:
    """The header of one event among several, which is no public fact; counts it. `end` marks the last."""
    state.seq += 1
    book = state.products.get(number)
    sequence = 0 if book is None else book.sequence
    return state.seq, number, sequence, state.time, state.command_offset, command_id, False, *sender


def _order_rejected(
    state: PartitionState, command: PlaceOrder, book: ProductBook | None, reason: RejectReason, first: bytes
) -> OrderRejected:
    return OrderRejected(
        *only_header(state, command, book),
        command.order_id,
        command.client_oid,
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        reason,
        first,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
    )


def missing_order_reason(state: PartitionState, command: Command) -> RejectReason:
    """Why an order cannot be found: it is done and still remembered, or nothing is known of it."""
    window, order_id = state.window, command.order_id
    if order_id:
        done = order_id in window.recent or window.archive.has(order_id)
    else:
        done = window.user_of(key_digest(command.account, command.number, command.client_oid)) != NO_ID
    return _ORDER_DONE if done else _UNKNOWN_ORDER
