"""From the positions in Postgres until something fails: read, decode, gather, collapse, commit.

While batch N is committed, N+1 is read, decoded and collapsed. Transactions begin some time apart, so that under load
each carries much; a lone command meets no wait. A partition whose log is broken stops alone and stays stopped.
"""

import asyncio
from collections.abc import Mapping, Sequence

from libs.kafka.ports import LogReader, Record
from libs.read_model.positions import Position
from libs.service.failures import Fatal, Transient
from libs.service.process import Process
from services.read_model_builder.changes import Changes
from services.read_model_builder.intake import BrokenLog, Intake, Piece
from services.read_model_builder.measures import Measures
from services.read_model_builder.settings import BuilderSettings
from services.read_model_builder.store import Store


class Session:
    def __init__(self, process: Process[BuilderSettings], reader: LogReader, store: Store, measures: Measures) -> None:
        self._process = process
        self._settings = process.settings
        self._reader = reader
        self._store = store
        self._measures = measures
        self._intakes: dict[int, Intake] = {}
        self._stopped: set[int] = set()
        """Partitions whose log is broken. What came before the broken place is still projected."""
        self._committing: asyncio.Task[None] | None = None
        self._cluster_size = 0
        """As the last event about it says: partitions beyond those that are read are taken up too."""
        self.progressed = False
        """Whether anything was committed."""
        self._next_begin = 0.0
        """Loop time before which no transaction begins."""

    async def begin(self) -> None:
        """Take every partition of the topic up where Postgres says."""
        partitions = await self._reader.partitions()
        positions = await self._store.positions(partitions)
        await self._store.prepare_days((), self._process.clock.now())
        self._intakes = {partition: Intake(position) for partition, position in positions.items()}
        self._reader.assign({partition: position.next_offset for partition, position in positions.items()})
        self._process.log.info("projecting", positions=_shown(positions))

    async def run(self) -> None:
        """Until the process is told to stop; what is being committed then is waited for."""
        watch = asyncio.create_task(self._watch_lag())
        try:
            while not self._process.stop.is_set():
                await self._turn()
            await self._settled()
        finally:
            watch.cancel()
            if self._committing is not None:
                self._committing.cancel()

    async def _turn(self) -> None:
        self._store.check()
        if self._ready_events() < self._settings.batch_events:
            await self._read(self._settings.idle_poll_ms / 1000)
        if self._committing is not None and self._committing.done():
            await self._settled()
        if self._cluster_size > len(self._intakes):
            await self._take_up_new_ones()
        if not self._ready_events():
            return
        await self._gather()
        pieces = self._take()
        changes = await _collapsed(pieces)
        await self._settled()
        self._committing = asyncio.create_task(self._commit(pieces, changes))

    async def _take_up_new_ones(self) -> None:
        await self._settled()
        positions = await self._store.positions([at for at in range(self._cluster_size) if at not in self._intakes])
        offsets = {at: self._reader.position(at) for at in self._intakes.keys() - self._stopped}
        self._intakes |= {partition: Intake(position) for partition, position in positions.items()}
        self._reader.assign(offsets | {partition: position.next_offset for partition, position in positions.items()})
        self._process.log.info("projecting new partitions", positions=_shown(positions))

    async def _read(self, timeout: float) -> None:
        records = await self._reader.poll(self._settings.poll_records, timeout)
        broken = [failure for partition in records if (failure := await self._feed(partition, records[partition]))]
        for failure in broken:
            self._abandon(failure)

    async def _feed(self, partition: int, records: Sequence[Record]) -> BrokenLog | None:
        """In slices: the commit in flight gets a turn between them."""
        intake, size = self._intakes[partition], self._settings.decode_slice
        try:
            for start in range(0, len(records), size):
                intake.feed(records[start : start + size])
                await asyncio.sleep(0)
        except BrokenLog as failure:
            return failure
        return None

    def _abandon(self, failure: BrokenLog) -> None:
        """Stop one partition for good: nothing behind a broken place may be projected."""
        self._process.log.error("partition stopped", partition=failure.partition, cause=str(failure))
        self._process.health.ready(False, str(failure), aspect=f"partition-{failure.partition}")
        self._stopped.add(failure.partition)
        going = self._intakes.keys() - self._stopped
        if not going:
            raise Fatal(f"every partition is stopped, the last one: {failure}")
        self._reader.assign({partition: self._reader.position(partition) for partition in going})

    async def _gather(self) -> None:
        """Wait until the next transaction may begin, then read what has come meanwhile."""
        pause = self._next_begin - asyncio.get_running_loop().time()
        if pause > 0:
            await asyncio.sleep(pause)
            if self._ready_events() < self._settings.batch_events:
                await self._read(0)

    def _ready_events(self) -> int:
        return sum(intake.complete for intake in self._intakes.values())

    def _take(self) -> list[Piece]:
        ready = [intake for intake in self._intakes.values() if intake.complete]
        limit = max(1, self._settings.batch_events // len(ready))
        return [piece for intake in ready if (piece := intake.take(limit))]

    async def _settled(self) -> None:
        """The last commit is done; its failure is raised here."""
        committing, self._committing = self._committing, None
        if committing is not None:
            await committing

    async def _commit(self, pieces: Sequence[Piece], changes: Changes) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        busy = len(changes.archive) >= self._settings.busy_events
        self._next_begin = begun + (self._settings.gather_ms if busy else self._settings.brief_ms) / 1000
        await self._store.commit(pieces, changes, self._process.clock.now())
        self.progressed = True
        self._cluster_size = max(self._cluster_size, changes.cluster_size)
        self._measures.committed(pieces, self._process.clock.now(), loop.time() - begun)

    async def _watch_lag(self) -> None:
        while True:
            for partition in self._intakes.keys() - self._stopped:
                try:
                    await self._measure_lag(partition)
                except Transient:
                    break  # the log is away: the health check says so, and the lag stays what it was
            await asyncio.sleep(self._settings.lag_interval_ms / 1000)

    async def _measure_lag(self, partition: int) -> None:
        bounds = await self._reader.bounds(partition)
        if partition not in self._stopped:
            behind = bounds.end - self._reader.position(partition) + self._intakes[partition].held
            self._measures.lag(partition).set(max(0, behind))


async def _collapsed(pieces: Sequence[Piece]) -> Changes:
    changes = Changes()
    for piece in pieces:
        changes.apply(piece)
        await asyncio.sleep(0)
    return changes


def _shown(positions: Mapping[int, Position]) -> dict[str, int]:
    return {str(partition): position.next_seq for partition, position in positions.items()}
