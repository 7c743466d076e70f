"""How a partition changes hands, in the one order that is safe.

First the writer: it fences the last owner and ends its open transaction, so that the log stands still. Then the state:
a snapshot, and every event since. The log says which command is next; the group's committed offset is told now and then, and may not be ahead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from libs.book.fold import Broken
from libs.book.partition import PartitionState
from libs.events.topics import ORDER_EVENTS
from libs.kafka.ports import Log, TransactionalWriter
from libs.service.logging import Log as Logger
from libs.service.metrics import Metrics
from libs.snapshots.ports import StoreAway
from libs.snapshots.recovering import FoldLimits, Recovered, Recovering
from libs.snapshots.snapshots import Refusal, Snapshots
from services.orderbook_worker.failures import PositionConflict, StateBroken
from services.orderbook_worker.settings import WorkerSettings


class Taken(NamedTuple):
    recovered: Recovered
    writer: TransactionalWriter


class Superseded(Exception):
    """The assignment that this take-over was for is no longer the present one."""


class Takeover:
    """Takes partitions over, one call a partition. `kept` states are those that this process has of it already."""

    def __init__(
        self, log: Log, snapshots: Snapshots, settings: WorkerSettings, logger: Logger, metrics: Metrics
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
            limits = FoldLimits(self._settings.fold_records, self._settings.fold_timeout_ms / 1000)
            recovering = Recovering(reader, partition, await reader.bounds(partition), limits, self.note_refused)
            near = kept is not None and kept.next_event_offset >= self._nearest(recovering)
            recovered = await recovering.from_kept(kept) if kept is not None and near else None
            if recovered is not None:
                steps.done("kept")
                return recovered
            recovered = await self._from_snapshots(recovering, steps)
            if recovered is None and kept is not None and not near:
                recovered = await recovering.from_kept(kept)
                steps.done("old kept")
            if recovered is None:
                recovered = await _from_the_start(recovering)
                steps.done("fold from the start")
            return recovered
        finally:
            await reader.stop()

    def _nearest(self, recovering: Recovering) -> int:
        """What goes on before this offset has so much to fold that a newer snapshot is looked for first."""
        return recovering.bounds.end - self._settings.snapshot_cache_tail_events

    async def _from_snapshots(self, recovering: Recovering, steps: _Steps) -> Recovered | None:
        """Of this machine when it is not far behind the log; else the store's; a far one when that has none."""
        snapshots, partition = self._snapshots, recovering.partition
        recovered = await recovering.from_first(snapshots.cached(partition), self._nearest(recovering))
        steps.done("cached snapshot")
        if recovered is not None:
            return recovered
        try:
            recovered = await recovering.from_first(snapshots.stored(partition))
        except StoreAway as error:
            self._logger.warning("snapshots away", partition=partition, detail=str(error))
        steps.done("stored snapshot")
        if recovered is None and recovering.passed_over:
            recovered = await recovering.from_first(snapshots.cached(partition))
            steps.done("old cached snapshot")
        return recovered

    def note_refused(self, partition: int, refusal: Refusal) -> None:
        reason = refusal.why.reason.value
        self._logger.warning(
            "snapshot refused",
            partition=partition,
            seq=refusal.seq,
            store=refusal.store,
            reason=reason,
            detail=refusal.why.detail,
        )
        self._metrics.counter("snapshots_refused_total", "Snapshots passed over.", reason=reason).add()

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


async def _from_the_start(recovering: Recovering) -> Recovered:
    try:
        return await recovering.from_the_start()
    except Broken as error:
        raise StateBroken(f"{ORDER_EVENTS}/{recovering.partition}: {error}") from error


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
