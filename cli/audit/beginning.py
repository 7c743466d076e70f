"""Where the fold of a partition begins: at its first event, or at a snapshot before the range that the log continues.

A snapshot is believed as a worker believes it: its envelope and invariants hold, and its last event stands in the log
where the snapshot goes on. What it was made of is not looked at again: from the first event on, nothing is believed.
"""

from contextlib import aclosing
from typing import NamedTuple

from cli.audit.stepping import pieces
from libs.book.fold import Broken
from libs.book.partition import PartitionState
from libs.events.codec import Unreadable, decode_event
from libs.kafka.ports import Bounds, LogReader
from libs.snapshots.envelope import Refused
from libs.snapshots.recovering import recognize
from libs.snapshots.restoring import restored
from libs.snapshots.snapshots import Refusal, Snapshots


class Beginning(NamedTuple):
    """A state, and the offset in `order-events` behind its last event."""

    state: PartitionState
    offset: int


def first(partition: int, bounds: Bounds) -> Beginning:
    """Before every event."""
    return Beginning(PartitionState(partition), bounds.start)


async def newest(events: LogReader, partition: int, bounds: Bounds, before: int, snapshots: Snapshots) -> Beginning:
    """The newest snapshot before the command `before`, or the first event where none holds."""
    async with aclosing(snapshots.stored(partition)) as candidates:
        async for candidate in candidates:
            if isinstance(candidate, Refusal):
                continue
            try:
                state = restored(candidate)
            except Refused:
                continue
            offset = candidate.head.next_event_offset
            if state.command_offset < before and await _continues(events, state, bounds, offset):
                return Beginning(state, offset)
    return first(partition, bounds)


async def _continues(events: LogReader, state: PartitionState, bounds: Bounds, offset: int) -> bool:
    """Whether the state's last event stands just before the offset."""
    last = offset - 1
    if not bounds.start <= last < bounds.end:
        return False
    events.assign({state.partition: last})
    async for records in pieces(events, state.partition, offset):
        try:
            recognize(state, decode_event(records[0].value or b""), records[0].offset, last)
        except (Broken, *Unreadable):
            return False
        return True
    return False
