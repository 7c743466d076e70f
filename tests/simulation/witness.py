"""Watches the run while it goes: what holds at every moment, and cannot be seen from the logs and tables at its end.

A committed reader is never shown what does not stay. A snapshot is of committed state. Positions of Postgres and of the
live books are ends of commands, and nobody's progress is told before its events are there.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final, NamedTuple

from libs.events import topics
from libs.events.codec import decode_event
from libs.events.events import AnyEvent
from libs.kafka.memory import Broker
from libs.snapshots.envelope import open_head
from libs.snapshots.ports import Found, Sealed, SnapshotStore
from services.query_api.live import LiveBooks
from services.query_api.progress import Progress
from tests.simulation.loop import pass_time
from tests.simulation.postgres.tables import Moment

LOOK_S: Final = 0.02
_CLUSTER: Final = "outcry"
_MOST: Final = 100_000


class Seen(NamedTuple):
    """An event that a committed reader has read."""

    offset: int
    value: bytes
    event: AnyEvent


class Saved(NamedTuple):
    """A snapshot that was put anywhere: its state's hash."""

    partition: int
    seq: int
    state_hash: str


class Witness:
    def __init__(self, broker: Broker, failed: Callable[[str], None]) -> None:
        self.seen: dict[int, list[Seen]] = {}
        """By partition, gapless: the event of seq n stands at n - 1."""
        self.saved: list[Saved] = []
        self._broker = broker
        self._failed = failed
        self._next: dict[int, int] = {}
        self._followed: dict[str, tuple[LiveBooks, Progress]] = {}

    def watched(self, store: SnapshotStore) -> SnapshotStore:
        return _Watched(store, self)

    def follow(self, name: str, live: LiveBooks, progress: Progress) -> None:
        self._followed[name] = (live, progress)

    async def run(self, over: asyncio.Event) -> None:
        while not over.is_set():
            self.look()
            await pass_time(LOOK_S)

    def look(self) -> None:
        for partition in range(len(self._broker.log_of(topics.ORDER_EVENTS))):
            self._read(partition)
        for name, (live, progress) in self._followed.items():
            for partition, tail in live.tails.items():
                if tail.stopped:
                    self._failed(f"the live book of {name} stopped at partition {partition}: {tail.stopped}")
                where = f"the live book of {name}, partition {partition}"
                self._check_end(where, partition, tail.state.seq, tail.state.command_offset)
                if progress.offset(partition) > tail.state.command_offset:
                    self._failed(f"{where}: progress {progress.offset(partition)} is told before its events are there")

    def projected(self, moment: Moment) -> None:
        """A commit of Postgres: each position is the end of a command."""
        for row in moment["projection_offsets"].values():
            partition, seq = row["partition"], row["next_seq"] - 1
            self._read(partition)
            event = self._check_end(f"Postgres, partition {partition}", partition, seq, row["command_offset"])
            if event is not None and row["next_offset"] != event.offset + 1:
                self._failed(f"Postgres, partition {partition}: next offset {row['next_offset']} behind {event.offset}")

    def put(self, store: str, partition: int, sealed: Sealed) -> None:
        self._read(partition)
        head = open_head(Found(sealed.seq, sealed.head, b"", len(sealed.data)), _CLUSTER, partition)
        seen = self.seen[partition]
        where = f"a snapshot of partition {partition} for {store}"
        if head.seq > len(seen):
            self._failed(f"{where} is of seq {head.seq}, and {len(seen)} events are committed")
        elif head.next_event_offset != seen[head.seq - 1].offset + 1 or not seen[head.seq - 1].event.last:
            self._failed(f"{where} of seq {head.seq} goes on at {head.next_event_offset}: no end of a command is there")
        self.saved.append(Saved(partition, head.seq, head.state_hash))

    def _check_end(self, where: str, partition: int, seq: int, command_offset: int) -> Seen | None:
        """Is it the last event of a command that is committed, and of that command?"""
        seen = self.seen.get(partition, [])
        if seq == 0:
            return None
        if seq > len(seen):
            self._failed(f"{where}: is at seq {seq}, and {len(seen)} events are committed")
            return None
        found = seen[seq - 1]
        if not found.event.last or found.event.command_offset != command_offset:
            self._failed(f"{where}: seq {seq} with command {command_offset} is not the end of that command")
        return found

    def _read(self, partition: int) -> None:
        seen = self.seen.setdefault(partition, [])
        log = self._broker.log_of(topics.ORDER_EVENTS)[partition]
        records, self._next[partition] = log.read(self._next.get(partition, 0), _MOST, committed=True)
        for record in records:
            event = decode_event(record.value or b"")
            if event.seq != len(seen) + 1:
                self._failed(f"order-events/{partition} has event {event.seq} behind {len(seen)}")
            seen.append(Seen(record.offset, record.value or b"", event))


class _Watched:
    """A store whose snapshots are looked at when they are put."""

    def __init__(self, store: SnapshotStore, witness: Witness) -> None:
        self._store = store
        self._witness = witness

    @property
    def name(self) -> str:
        return self._store.name

    async def put(self, partition: int, sealed: Sealed) -> None:
        self._witness.put(self._store.name, partition, sealed)
        await self._store.put(partition, sealed)

    def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        return self._store.newest_first(partition, heads_only=heads_only)

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        await self._store.prune(partition, seq, kept)

    async def close(self) -> None:
        await self._store.close()
