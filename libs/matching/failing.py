"""Commands that could not be decided: put off as long as that helps, and dead letters then.

The owner of the partition says which command failed and why; what becomes of it follows from the state, as everything
does. Deadlines do not run with a command that failed: they happen before the next one.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from libs.book.parked import Parked
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AnyCommand, Envelope
from libs.events.events import AnyEvent, CommandDeadLettered, TradingStatusChanged
from libs.events.values import NO_ID, ClosedReason, DeadLetterName, FailureCause, RejectReason, TradingStatus
from libs.matching.parking import TIERS, again, defer, is_full, line_of, outcome, resume, waiting
from libs.matching.rejections import end, header
from libs.matching.repeats import repeat
from libs.matching.replaying import close, is_open, refused

OPEN_LIMIT: Final = 100_000
"""Dead letters that may be open in a partition."""
FAULTS_TO_HALT: Final = 3
"""Of different commands of a product, within `libs.book.parked.FAULTS_LAST`."""

_NOBODY: Final = Envelope(0, NO_ID, "", 0, NO_ID, "", 0, 0, 0, None)
"""What has no envelope."""


def fail(
    state: PartitionState, command: AnyCommand | Envelope | None, time: int, cause: FailureCause
) -> list[AnyEvent]:
    """What becomes of a command that failed; None has no envelope. Raises ValueError for a cause that is no failure."""
    if cause is FailureCause.FOLLOWER or (command is None) != (cause is FailureCause.UNREADABLE):
        raise ValueError(f"{cause.name} is not how {'bytes' if command is None else type(command).__name__} fail")
    if command is None:
        return end(_die(state, waiting(_NOBODY, cause, 1, NO_ID)))
    book = state.products.get(command.number)
    before = state.parked.get(command.command_id)
    if before is None or before.attempt != command.attempt:
        events = repeat(state, command, book, time) or refused(state, command, book)
        return end(events or _fail_first(state, command, book, cause))
    if not state.parked.is_first(before) and cause is not FailureCause.CRASH:
        return end(defer(state, again(command, before, FailureCause.FOLLOWER)))
    if not is_open(state, before.replay_of):
        return end([*resume(state, before), *(refused(state, command, book) or ())])
    return end(_fail_again(state, command, before, book, cause))


def _fail_first(
    state: PartitionState, command: AnyCommand | Envelope, book: ProductBook | None, cause: FailureCause
) -> list[AnyEvent]:
    failed = waiting(command, cause, 1, line_of(state, command, book))
    dies = cause is FailureCause.CRASH or is_full(state, failed.line)
    return _with_halt(state, failed, book, _die(state, failed) if dies else defer(state, failed))


def _fail_again(
    state: PartitionState,
    command: AnyCommand | Envelope,
    before: Parked,
    book: ProductBook | None,
    cause: FailureCause,
) -> list[AnyEvent]:
    failed = again(command, before, cause)
    repeats = cause is FailureCause.FAULT and before.cause is FailureCause.FAULT
    dies = cause is FailureCause.CRASH or repeats or failed.failures > TIERS
    return _with_halt(state, failed, book, _die(state, failed) if dies else defer(state, failed))


def _die(state: PartitionState, failed: Parked) -> list[AnyEvent]:
    """A new dead letter, and the client's outcome."""
    command_id, number, name = failed.command_id, failed.number, failed.replay_of
    if state.parked.take(command_id) is None:
        failed = replace(failed, first_failed_at=state.time)
    if command_id:
        state.window.add(command_id, failed.key, failed.sent)
    replays = 0 if name is None else state.dead_letters[name.offset] + 1
    events: list[AnyEvent] = [
        CommandDeadLettered(
            *header(state, command_id, number, (failed.account, failed.key, failed.sent)),
            failed.order_id,
            failed.client_oid,
            failed.kind,
            failed.cause,
            failed.failures,
            failed.first_failed_at,
            replays,
            name,
        )
    ]
    events += close(state, command_id, number, name, ClosedReason.DIED_AGAIN)
    if len(state.dead_letters) >= OPEN_LIMIT:
        oldest = DeadLetterName(state.partition, next(iter(state.dead_letters)))
        events += close(state, command_id, number, oldest, ClosedReason.CROWDED_OUT)
    state.dead_letters[state.command_offset] = replays
    if command_id:
        events.append(outcome(header(state, command_id, number), failed, RejectReason.DEAD_LETTERED))
    return events


def _with_halt(
    state: PartitionState, failed: Parked, book: ProductBook | None, events: list[AnyEvent]
) -> list[AnyEvent]:
    """Too many faults of one product: it is halted, and nothing but it, until an operator says otherwise."""
    if failed.cause is not FailureCause.FAULT or book is None:
        return events
    faults = state.faults.add(book.number, failed.command_id, state.time)
    if faults < FAULTS_TO_HALT or book.product.status is TradingStatus.HALTED:
        return events
    del state.faults[book.number]
    product = replace(book.product, status=TradingStatus.HALTED)
    book.adopt(product)
    book.sequence += 1
    events.append(TradingStatusChanged(*header(state, failed.command_id, book.number), product))
    return events
