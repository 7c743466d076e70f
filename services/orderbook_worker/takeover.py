"""How a partition changes hands, in the one order that is safe.

First the writer: it fences the last owner and ends its open transaction, so that the log stands still. Then the state:
a snapshot, and every event since. The log says which command is next; the group's committed offset is told now and then, and may not be ahead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from libs.book.fold import Broken, fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import Unusable
from libs.book.snapshot import load as restore
from libs.events.codec import Unreadable, decode_event
from libs.events.topics import ORDER_EVENTS
from libs.kafka.ports import Bounds, Log, LogReader, TransactionalWriter
from libs.service.logging import Log as Logger
from libs.service.metrics import Metrics
from services.orderbook_worker.failures import PositionConflict, StateBroken
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.snapshots import CachedSnapshots, Stored


class Recovered(NamedTuple):
    """State, the offset in `order-events` behind the last event in it, and the `seq` of its newest snapshot."""

    state: PartitionState
    next_event_offset: int
    saved_seq: int


class Taken(NamedTuple):
    recovered: Recovered
    writer: TransactionalWriter


class Superseded(Exception):
    """The assignment that this take-over was for is no longer the present one."""


class Takeover:
    """Takes partitions over, one call a partition. `kept` states come from this process's own last ownership."""

    def __init__(
        self, log: Log, snapshots: CachedSnapshots, settings: WorkerSettings, logger: Logger, metrics: Metrics
    ) -> None:
        self._log = log
        self._snapshots = snapshots
        self._settings = settings
        self._logger = logger
        self._metrics = metrics

    async def take(self, partition: int, kept: Recovered | None, is_present: Callable[[], bool]) -> Taken:
        """Raises Superseded, Fatal, or Transient where another attempt may do."""
        steps = _Steps()
        _still(is_present)
        writer = self._log.transactional_writer(f"{self._settings.cluster}-orders-{partition}")
        await writer.start()
        try:
            _still(is_present)
            steps.done("fence")
            recovered = await self._recover(partition, kept, steps)
            _still(is_present)
        except BaseException:
            await writer.close()
            raise
        self._report(partition, recovered, steps)
        return Taken(recovered, writer)

    async def _recover(self, partition: int, kept: Recovered | None, steps: _Steps) -> Recovered:
        reader = self._log.reader(ORDER_EVENTS)
        await reader.start()
        try:
            bounds = await reader.bounds(partition)
            if kept is not None:
                recovered = await self._attempt(reader, partition, bounds, kept)
                if recovered is not None:
                    steps.done("kept")
                    return recovered
            recovered = await self._from_snapshots(reader, partition, bounds, await self._snapshots.load(partition))
            steps.done("cached snapshot")
            if recovered is None:
                stored = await self._snapshots.load_stored(partition)
                recovered = await self._from_snapshots(reader, partition, bounds, stored)
                steps.done("stored snapshot")
            if recovered is None:
                recovered = await self._fold(
                    reader, partition, bounds, Recovered(PartitionState(partition), bounds.start, 0)
                )
                steps.done("fold from the start")
            return recovered
        finally:
            await reader.stop()

    async def _from_snapshots(
        self, reader: LogReader, partition: int, bounds: Bounds, stored: Iterable[Stored]
    ) -> Recovered | None:
        for snapshot in stored:
            try:
                state = restore(snapshot.data)
                check(state)
            except (Unusable, Broken) as error:
                self._logger.warning("snapshot refused", partition=partition, seq=snapshot.seq, detail=str(error))
                continue
            if state.partition != partition:
                self._logger.warning("snapshot refused", partition=partition, detail=f"of partition {state.partition}")
                continue
            recovered = await self._attempt(
                reader, partition, bounds, Recovered(state, snapshot.next_event_offset, snapshot.seq)
            )
            if recovered is not None:
                return recovered
        return None

    async def _attempt(self, reader: LogReader, partition: int, bounds: Bounds, start: Recovered) -> Recovered | None:
        """Fold on from a shortcut; None if the log does not continue it."""
        if not bounds.start <= start.next_event_offset <= bounds.end:
            self._logger.warning(
                "snapshot refused",
                partition=partition,
                detail=f"goes on at {start.next_event_offset}, the log has {bounds.start} to {bounds.end}",
            )
            return None
        try:
            return await self._fold(reader, partition, bounds, start)
        except StateBroken as error:
            self._logger.warning("snapshot refused", partition=partition, detail=str(error))
            return None

    async def _fold(self, reader: LogReader, partition: int, bounds: Bounds, start: Recovered) -> Recovered:
        state, next_offset, saved_seq = start
        reader.assign({partition: next_offset})
        timeout = self._settings.fold_timeout_ms / 1000
        while reader.position(partition) < bounds.end:
            for records in (await reader.poll(self._settings.fold_records, timeout)).values():
                for record in records:
                    _fold_value(state, record.offset, record.value)
                next_offset = records[-1].offset + 1
        return Recovered(state, next_offset, saved_seq)

    def _report(self, partition: int, recovered: Recovered, steps: _Steps) -> None:
        for step, seconds in steps.taken.items():
            self._metrics.histogram("takeover_seconds", "Steps of a take-over.", step=step).observe(seconds)
        self._logger.info(
            "partition taken over",
            partition=partition,
            next_command=recovered.state.command_offset + 1,
            seq=recovered.state.seq,
            milliseconds={step: round(seconds * 1000) for step, seconds in steps.taken.items()},
        )


def _fold_value(state: PartitionState, offset: int, value: bytes | None) -> None:
    try:
        fold(state, decode_event(value or b""))
    except (Broken, Unreadable) as error:
        raise StateBroken(f"{ORDER_EVENTS}/{state.partition} at offset {offset}: {error}") from error


def _still(is_present: Callable[[], bool]) -> None:
    if not is_present():
        raise Superseded


def agree(partition: int, state: PartitionState, committed: int | None) -> int:
    """The next command, as the log says it. The group is told once in a while, so it may be behind, or know nothing
    (group offsets expire). Ahead of the log it can only be when events are missing or the group is another one's."""
    following = state.command_offset + 1
    if committed is not None and committed > following:
        raise PositionConflict(
            f"partition {partition}: the log ends with command {state.command_offset}, the group goes on at {committed}"
        )
    return following


class _Steps:
    """How long each step took, in seconds."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self._since = time.monotonic()

    def done(self, step: str) -> None:
        now = time.monotonic()
        self.taken[step] = now - self._since
        self._since = now
