"""The state of one partition, from a shortcut and the events since, or from all events.

A shortcut is believed only where the log agrees: the event that stands last in it must stand in the log just before
the place where it goes on. So a snapshot of another log, or of a life of this one that was wiped, is refused.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import NamedTuple

from libs.book.fold import Broken, fold
from libs.book.partition import PartitionState
from libs.events.codec import Unreadable, decode_event
from libs.events.events import AnyEvent
from libs.events.topics import ORDER_EVENTS
from libs.kafka.ports import Bounds, LogReader, Record
from libs.snapshots.envelope import Opened, Reason, Refused
from libs.snapshots.restoring import restored
from libs.snapshots.snapshots import Refusal


class Recovered(NamedTuple):
    """State, the offset in `order-events` behind the last event in it, and the `seq` of its newest snapshot."""

    state: PartitionState
    next_event_offset: int
    saved_seq: int


class FoldLimits(NamedTuple):
    """Events one poll brings, and how long it waits: behind the last event only control markers stand."""

    records: int
    timeout_s: float


class Recovering:
    """One recovery: `bounds` are those of the partition in `order-events`, which stands still meanwhile."""

    def __init__(
        self,
        reader: LogReader,
        partition: int,
        bounds: Bounds,
        limits: FoldLimits,
        refuse: Callable[[int, Refusal], None],
    ) -> None:
        self.partition = partition
        self.bounds = bounds
        self.passed_over = False
        """Whether a snapshot was left aside only because it is old."""
        self._reader = reader
        self._limits = limits
        self._refuse = refuse

    async def from_kept(self, kept: Recovered) -> Recovered | None:
        """A state that this process has kept or folded along; None when it is not of this log."""
        try:
            return await self._continued(kept)
        except Refused as refused:
            self._refuse(self.partition, Refusal(kept.state.seq, "kept state", refused))
            return None

    async def from_first(self, candidates: AsyncGenerator[Opened | Refusal, None], oldest: int = 0) -> Recovered | None:
        """The first that holds of what is given newest first and goes on at `oldest` or later; None without any."""
        async with aclosing(candidates) as each:
            async for candidate in each:
                if isinstance(candidate, Refusal):
                    self._refuse(self.partition, candidate)
                    continue
                if candidate.head.next_event_offset < oldest:
                    self.passed_over = True
                    return None
                try:
                    return await self._from_snapshot(candidate)
                except Refused as refused:
                    self._refuse(self.partition, Refusal(candidate.head.seq, candidate.store, refused))
        return None

    async def from_the_start(self) -> Recovered:
        """Raises Broken."""
        start = Recovered(PartitionState(self.partition), self.bounds.start, 0)
        return await self._fold(start, start.next_event_offset)

    async def _from_snapshot(self, opened: Opened) -> Recovered:
        head = opened.head
        return await self._continued(Recovered(restored(opened), head.next_event_offset, head.seq))

    async def _continued(self, start: Recovered) -> Recovered:
        """Raises Refused where the log does not go on from there."""
        begin, end = self.bounds
        if not begin <= start.next_event_offset <= end:
            raise Refused(Reason.DETACHED, f"it goes on at {start.next_event_offset}, the log has {begin} to {end}")
        last = start.next_event_offset - 1
        try:
            return await self._fold(start, last if last >= begin and start.state.seq else start.next_event_offset)
        except Broken as error:
            raise Refused(Reason.DETACHED, str(error)) from error

    async def _fold(self, start: Recovered, first: int) -> Recovered:
        """All events from the offset `first` on; the one before the state's next offset must be its own last one."""
        state, next_offset, saved_seq = start
        recognized = first == next_offset
        async with aclosing(events(self._reader, self.partition, Bounds(first, self.bounds.end), self._limits)) as read:
            async for batch in read:
                for offset, event in batch:
                    if recognized:
                        fold(state, event)
                    else:
                        recognize(state, event, offset, first)
                        recognized = True
                next_offset = batch[-1][0] + 1
        if not recognized:
            raise Broken(f"{ORDER_EVENTS}/{self.partition} has no event at offset {first}")
        return Recovered(state, next_offset, saved_seq)


async def events(
    reader: LogReader, partition: int, bounds: Bounds, limits: FoldLimits
) -> AsyncGenerator[list[tuple[int, AnyEvent]], None]:
    """Everything in `order-events` within `bounds`, with its offsets. Raises Broken for what cannot be read."""
    reader.assign({partition: bounds.start})
    while reader.position(partition) < bounds.end:
        for records in (await reader.poll(limits.records, limits.timeout_s)).values():
            read = [(record.offset, event_in(partition, record)) for record in records if record.offset < bounds.end]
            if read:
                yield read


def recognize(state: PartitionState, event: AnyEvent, offset: int, expected: int) -> None:
    """Is this the state's last event? No two have the same seq, command and time. Raises Broken."""
    if offset != expected:
        raise Broken(f"{ORDER_EVENTS}/{state.partition} has no event at offset {expected}")
    if (event.seq, event.command_offset, event.time) != (state.seq, state.command_offset, state.time):
        raise Broken(
            f"{ORDER_EVENTS}/{state.partition} has event {event.seq} of command {event.command_offset} "
            f"at offset {offset}, and not its last one, event {state.seq} of command {state.command_offset}"
        )


def event_in(partition: int, record: Record) -> AnyEvent:
    """What a record of `order-events` says. Raises Broken."""
    try:
        event: AnyEvent = decode_event(record.value or b"")
    except Unreadable as error:
        raise Broken(f"{ORDER_EVENTS}/{partition} at offset {record.offset}: {error}") from error
    return event
