"""Commands while others wait, commands that come back, and replays: what the engine does not ask as long as all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import force_setattr, replace

from libs.book.parked import Parked
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AdvanceTime, AmendOrder, AnyCommand, CancelOrder
from libs.events.events import AnyEvent, OrderDone
from libs.events.values import ClosedReason, FailureCause, RejectReason
from libs.matching.parking import again, defer, end_lines, is_full, line_of, resume, waiting
from libs.matching.rejections import end, reject
from libs.matching.repeats import repeat
from libs.matching.replaying import close, is_open, refused
from libs.matching.timing import run_deadlines

Decide: TypeAlias = Callable[[PartitionState, AnyCommand, ProductBook | None], list[AnyEvent]]
"""By the rules alone: the command is no repeat."""


def handle(state: PartitionState, command: AnyCommand, time: int, decide: Decide) -> list[AnyEvent]:
    """What is due first; then whether the command is awaited, a repeat, or a replay that is not taken."""
    book = state.products.get(command.number)
    if isinstance(command, AdvanceTime):
        due = run_deadlines(state, command.command_id, state.products.values())
    else:
        due = [] if book is None else run_deadlines(state, command.command_id, (book,))
    parked = state.parked.get(command.command_id)
    if parked is not None and parked.attempt == command.attempt:
        return [*due, *_come_back(state, command, book, parked, decide)]
    events = repeat(state, command, book, time) or refused(state, command, book)
    return [*due, *(events or _decide(state, command, book, decide))]


def _come_back(
    state: PartitionState, command: AnyCommand, book: ProductBook | None, parked: Parked, decide: Decide
) -> list[AnyEvent]:
    if not state.parked.is_first(parked):
        return end(defer(state, again(command, parked, FailureCause.FOLLOWER)))
    events = resume(state, parked)
    if not is_open(state, parked.replay_of):
        return [*events, *(refused(state, command, book) or ())]
    if isinstance(command, AmendOrder | CancelOrder) and not command.order_id and parked.line != parked.command_id:
        command = replace(command, order_id=parked.line)  # its client_oid may be another order's by now
    return [*events, *_taken(state, command, book, decide)]


def _taken(state: PartitionState, command: AnyCommand, book: ProductBook | None, decide: Decide) -> list[AnyEvent]:
    """A replay closes its dead letter with its decision."""
    if book is not None and isinstance(command, AmendOrder | CancelOrder) and _is_anothers(state, command):
        decide = _not_owner
    closed = close(state, command.command_id, command.number, command.replay_of, ClosedReason.REPLAYED)
    return [*closed, *decide(state, command, book)]


def _decide(state: PartitionState, command: AnyCommand, book: ProductBook | None, decide: Decide) -> list[AnyEvent]:
    """A command that comes for the first time: what is about a parked order waits behind it, or ends it."""
    if not isinstance(command, AmendOrder | CancelOrder):
        return _taken(state, command, book, decide)
    line = line_of(state, command, book)
    if line not in state.parked.lines:
        return _taken(state, command, book, decide)
    if isinstance(command, CancelOrder):
        return _cancel(state, command, book, line, decide)
    return _follow(state, command, book, line)


def _follow(state: PartitionState, command: AmendOrder, book: ProductBook | None, line: bytes) -> list[AnyEvent]:
    if is_full(state, line):
        state.window.add(command.command_id, command.key, command.sent)
        return [reject(state, command, book, RejectReason.TOO_MANY_PARKED)]
    return end(defer(state, waiting(command, FailureCause.FOLLOWER, 0, line)))


def _cancel(
    state: PartitionState, command: CancelOrder, book: ProductBook | None, line: bytes, decide: Decide
) -> list[AnyEvent]:
    """The order ends at once, parked or open, and with it what waits for it."""
    if line in state.parked:
        return _taken(state, command, book, _end_parked)
    events = _taken(state, command, book, decide)
    if isinstance(events[-1], OrderDone):
        force_setattr(events[-1], "last", False)
        end_lines(state, command.command_id, (line,), events)
    return end(events)


def _end_parked(state: PartitionState, command: AnyCommand, book: ProductBook | None) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    state.window.add(command.command_id, command.key, command.sent)
    sender = command.account, command.key, command.sent
    end_lines(state, command.command_id, (line_of(state, command, book),), events, sender)
    return end(events)


def _is_anothers(state: PartitionState, command: AmendOrder | CancelOrder) -> bool:
    """Whether it names a parked order of another account."""
    parked = state.parked.get(command.order_id)
    return (
        parked is not None and parked.is_place and parked.number == command.number and parked.account != command.account
    )


def _not_owner(state: PartitionState, command: AnyCommand, book: ProductBook | None) -> list[AnyEvent]:
    state.window.add(command.command_id, command.key, command.sent)
    return [reject(state, command, book, RejectReason.NOT_OWNER)]
