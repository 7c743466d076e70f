"""What owning a partition takes: made anew at each take-over, and gone when the partition is let go."""

import asyncio
from collections.abc import Callable
from typing import Final

from libs.kafka.ports import Bookmarks, Log, Publisher, TransactionalWriter
from libs.matching import Engine
from libs.service.process import Process
from libs.snapshots.envelope import Stored
from libs.snapshots.recovering import Recovered
from services.orderbook_worker.aftermath import Aftermath
from services.orderbook_worker.alarm import Alarm
from services.orderbook_worker.attempts import Attempt, Attempts, Caution
from services.orderbook_worker.deciding import Decider
from services.orderbook_worker.failures import PartitionStuck
from services.orderbook_worker.faults import Faults
from services.orderbook_worker.forwarder import Forwarder
from services.orderbook_worker.injecting import agreed, injecting
from services.orderbook_worker.lane import Lane
from services.orderbook_worker.metrics import LaneMetrics
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.watchdog import Watchdog

_LOOK_AHEAD: Final = 2
"""Batches that an owner may have decided and not committed."""

Save = Callable[[int, Stored], None]
Relieved = Callable[[int], None]


class Ownership:
    """Of one partition, until it is let go."""

    def __init__(self, lane: Lane, forwarder: Forwarder, metrics: LaneMetrics, aftermath: Aftermath) -> None:
        self.lane = lane
        self._forwarder = forwarder
        self._metrics = metrics
        self._aftermath = aftermath

    async def run(self) -> None:
        """Until the lane ends, however it does; raises what ended it, or the forwarder."""
        lane = asyncio.ensure_future(self.lane.run())
        forwarding = asyncio.ensure_future(self._forwarder.run())
        try:
            await asyncio.wait({lane, forwarding}, return_when=asyncio.FIRST_COMPLETED)
            if forwarding.done():
                forwarding.result()
            await lane
        finally:
            for task in (lane, forwarding):
                task.cancel()
            await asyncio.wait({lane, forwarding})
            self._metrics.forget()
            self._aftermath.forget()


class Owning:
    """What the partitions of a process share."""

    def __init__(self, process: Process[WorkerSettings], log: Log, group: str, watchdog: Watchdog) -> None:
        settings = process.settings
        self._process = process
        self._settings = settings
        self._log = log
        self._group = group
        self._watchdog = watchdog
        self._publisher: Publisher = log.publisher()
        """Of alarms, attempts, and commands that come back."""
        self._bookmarks: Bookmarks = log.bookmarks(f"{settings.cluster}-retries")
        span = _LOOK_AHEAD * settings.batch_commands
        caution = Caution(settings.crash_takeovers, settings.crash_tries, span)
        self._attempts = Attempts(log, self._publisher, caution, process.log)
        self._fault_prefix = agreed(settings.fault_prefix, settings.fault_consent, settings.cluster, process.log)
        self._faults: dict[int, Faults] = {}

    async def start(self) -> None:
        await self._publisher.start()
        await self._bookmarks.start()

    async def close(self) -> None:
        await self._bookmarks.close()
        await self._publisher.close()

    async def last_attempt(self, partition: int) -> Attempt | None:
        """What the owners before said. Raises Transient when the log does not answer."""
        return await self._attempts.last(partition)

    def own(
        self,
        recovered: Recovered,
        writer: TransactionalWriter,
        last: Attempt | None,
        save: Save,
        relieved: Relieved,
    ) -> Ownership:
        """A partition that was just taken over."""
        state = recovered.state
        partition, next_command = state.partition, state.command_offset + 1
        metrics = LaneMetrics(self._process.metrics, self._process.clock, partition, lambda: state)
        decider = self._decider(recovered, next_command)
        forwarder = self._forwarder(recovered, lambda: lane.committed_seq)
        aftermath = Aftermath(partition, self._process.metrics, self._process.log, lambda: state, forwarder)
        lane = Lane(
            decider,
            self._attempts.trial(partition, next_command, last),
            self._group,
            recovered,
            writer,
            self._settings,
            metrics,
            self._alarm(partition),
            self._process.log,
            aftermath.committed,
            save,
            relieved,
        )
        return Ownership(lane, forwarder, metrics, aftermath)

    def _decider(self, recovered: Recovered, next_command: int) -> Decider:
        partition = recovered.state.partition
        faults = self._faults.setdefault(partition, Faults())
        faults.forget_before(next_command)
        engine = Engine(partition, recovered.state)
        handle = injecting(engine.handle, self._fault_prefix)
        return Decider(engine, handle, self._group, self._settings, faults, self._watchdog)

    def _forwarder(self, recovered: Recovered, committed_seq: Callable[[], int]) -> Forwarder:
        return Forwarder(
            self._log,
            self._publisher,
            self._bookmarks,
            recovered.state,
            committed_seq,
            self._settings,
            self._process.clock,
            self._process.log,
        )

    def _alarm(self, partition: int) -> Alarm:
        pause_s, look_s = self._settings.alarm_pause_ms / 1000, self._settings.alarm_look_ms / 1000
        bits = self._process.chance.getrandbits
        return Alarm(partition, self._publisher, self._process.clock, self._process.log, pause_s, look_s, bits)


class Tries:
    """Take-overs of a partition that failed in a row. One that comes further than the one before begins a new row."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._next_command = -1
        self.failed = 0

    def begin(self, next_command: int) -> None:
        """A take-over has succeeded, and goes on there."""
        if next_command > self._next_command:
            self._next_command, self.failed = next_command, 0

    def fail(self, partition: int, error: Exception) -> None:
        """Raises PartitionStuck when it was once too often."""
        self.failed += 1
        if self.failed >= self._most:
            raise PartitionStuck(f"partition {partition}: {self.failed} take-overs failed: {error}") from error
