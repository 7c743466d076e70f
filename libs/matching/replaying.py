"""Replays of dead letters: taken while the dead letter is open, which the first decision on one closes.

So a replay acts once, however often and late it is sent, and whoever sends it.
"""

from __future__ import annotations

from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import Command, DiscardDeadLetter, Envelope
from libs.events.events import AnyEvent, CommandRejected, DeadLetterClosed
from libs.events.values import NO_ID, REPLAY_LIMIT, ClosedReason, DeadLetterName, RejectReason
from libs.matching.rejections import header, only_header, refuse, rejection


def refused(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> list[AnyEvent] | None:
    """The events of a replay that is not taken; None of one that is, and of a command that is no replay."""
    name = command.replay_of
    if name is None:
        return None
    if name.partition != state.partition or name.offset not in state.dead_letters:
        return [_refused(state, command, book, RejectReason.NO_DEAD_LETTER)]
    if state.dead_letters[name.offset] >= REPLAY_LIMIT:
        return [_refused(state, command, book, RejectReason.TOO_MANY_REPLAYS)]
    for parked in state.parked.values():
        if parked.replay_of == name and parked.command_id != command.command_id:
            state.window.add(command.command_id, 0, command.sent)
            return [refuse(state, command, book, RejectReason.DUPLICATE, parked.command_id)]
    return None


def _refused(
    state: PartitionState, command: Command | Envelope, book: ProductBook | None, reason: RejectReason
) -> AnyEvent:
    state.window.add(command.command_id, command.key, command.sent)
    return refuse(state, command, book, reason)


def is_open(state: PartitionState, name: DeadLetterName | None) -> bool:
    """Whether a replay that was taken may still be: always, of a command that is no replay."""
    return name is None or name.offset in state.dead_letters


def close(
    state: PartitionState, command_id: bytes, number: int, name: DeadLetterName | None, reason: ClosedReason
) -> list[AnyEvent]:
    """The fact that a dead letter is closed by a command; nothing if that was no replay, or it is closed already."""
    if name is None or state.dead_letters.pop(name.offset, None) is None:
        return []
    return [DeadLetterClosed(*header(state, command_id, number), name, reason)]


def discard(state: PartitionState, command: DiscardDeadLetter, book: ProductBook | None) -> list[AnyEvent]:
    name = command.dead_letter
    if name.partition != state.partition or state.dead_letters.pop(name.offset, None) is None:
        return [rejection(CommandRejected, state, command, book, RejectReason.NO_DEAD_LETTER, NO_ID)]
    return [DeadLetterClosed(*only_header(state, command, book), name, ClosedReason.DISCARDED, command.note)]
