"""A member of the group that shares the partitions: one loop that polls, and one lane for each partition it owns.

Whatever cannot be repaired ends the process, and its supervisor starts it anew: recovery and start-up are one path.
"""

import asyncio
from collections.abc import Callable, Coroutine

from libs.events.topics import ORDERS
from libs.kafka.cluster import agree as agree_on_cluster
from libs.kafka.failures import NotAssigned
from libs.kafka.ports import GroupReader, Log
from libs.service.failures import Fatal, Transient
from libs.service.process import Process
from libs.service.waiting import until_set
from libs.snapshots.envelope import Stored
from libs.snapshots.snapshots import Snapshots
from services.orderbook_worker.copies import Copies
from services.orderbook_worker.failures import LogAway, PartitionStuck
from services.orderbook_worker.lane import Lane
from services.orderbook_worker.ownership import Owning, Tries
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.takeover import Superseded, Takeover, agree
from services.orderbook_worker.watchdog import Watchdog


class Worker:
    """The group's listener. Rebalances are eager, so each assignment begins from nothing owned."""

    def __init__(self, process: Process[WorkerSettings], log: Log, snapshots: Snapshots, watchdog: Watchdog) -> None:
        self._process = process
        self._settings = process.settings
        self._logger = process.log
        self._log = log
        self._snapshots = snapshots
        name = f"{self._settings.cluster}-orderbook-worker"
        self._group: GroupReader = log.group(ORDERS, name, self._settings.instance, committed=False)
        self._owning = Owning(process, log, name, watchdog)
        self._takeover = Takeover(log, snapshots, self._settings, process.log, process.metrics)
        self._owners: dict[int, asyncio.Task[None]] = {}
        self._lanes: dict[int, Lane] = {}
        self._copies = Copies(log, snapshots, self._settings, process.log, process.metrics, self._takeover.note_refused)
        self._saving: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._generation = -1
        self._polled = self._joined = asyncio.get_running_loop().time()
        process.health.check("progress", self._progressing)

    async def run(self) -> None:
        """Until the process is told to stop; raises what ended it otherwise."""
        if not await self._agreed():
            return
        await self._owning.start()
        copying = asyncio.create_task(self._copy())
        try:
            await self._group.start(self)
            await self._trade()
        finally:
            copying.cancel()
            await asyncio.wait({copying})
            await self._owning.close()
        if self._failure is not None:
            raise self._failure

    async def _agreed(self) -> bool:
        """Wait for the log, and be sure that it is of this cluster. False when told to stop meanwhile."""
        failed = 0
        while not self._process.stop.is_set():
            try:
                await agree_on_cluster(self._log, self._settings.cluster)
            except Transient as error:
                self._logger.warning("log unavailable", detail=str(error))
                failed += 1
                await until_set(self._process.stop, self._backoff(failed))
            else:
                return True
        return False

    async def _trade(self) -> None:
        try:
            while not self._process.stop.is_set():
                await self._poll()
            await self._trade_on_while(self._save_before_leaving())
        finally:
            await self._group.leave()
            await asyncio.gather(*self._saving, return_exceptions=True)

    async def _copy(self) -> None:
        """Beside everything else, where it is wanted."""
        if self._settings.warm_copies:
            try:
                await self._copies.run()
            except Exception as error:  # noqa: BLE001  # none that is expected; it ends the process, in `run`
                self._fail(error)

    async def _poll(self) -> None:
        """Commands to their lanes. Raises what ended one of them."""
        self._look_at_the_group()
        polled = await self._group.poll(self._settings.poll_records, self._settings.poll_timeout_ms / 1000)
        for partition, records in polled.items():
            lane = self._lanes.get(partition)
            if lane is not None and not lane.offer(records):
                self._group.pause([partition])
        if self._failure is not None:
            raise self._failure

    def _look_at_the_group(self) -> None:
        """Who has no place in it for long does not reach the log, and would not notice otherwise as long as all is idle."""
        self._polled = asyncio.get_running_loop().time()
        if self._group.generation() >= 0:
            self._joined = self._polled
        elif self._polled - self._joined > self._settings.away_limit_ms / 1000:
            raise LogAway(f"no place in the group for {self._polled - self._joined:.0f} s")

    async def _progressing(self) -> None:
        """A probe: a process that lives and does nothing is not well. Raises what it does not do."""
        limit = self._settings.progress_limit_ms / 1000
        silent = asyncio.get_running_loop().time() - self._polled
        if silent > limit:
            raise PartitionStuck(f"the group was not asked for {silent:.0f} s")
        for lane in self._lanes.values():
            if lane.waiting_s() > limit:
                raise PartitionStuck(f"partition {lane.partition}: nothing was committed for {lane.waiting_s():.0f} s")

    async def _trade_on_while(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await self._poll()
        finally:
            task.cancel()

    async def _save_before_leaving(self) -> None:
        """While trading goes on, so that it stands still no longer for it; the next owner folds what happens since."""
        try:
            async with asyncio.timeout(self._settings.hand_over_save_ms / 1000):
                await asyncio.gather(*(lane.saved() for lane in self._lanes.values()))
                if self._saving:
                    await asyncio.wait(self._saving)  # which cancels none of them when time is up
        except TimeoutError:
            self._logger.info("not every partition was saved before leaving", saving=len(self._saving))

    def assigned(self, partitions: frozenset[int], generation: int) -> None:
        self._generation = generation
        self._logger.info("assigned", partitions=sorted(partitions), generation=generation)
        self._copies.share(partitions)
        self._process.health.ready(not partitions, "taking over partitions", aspect="partitions")
        for partition in partitions:
            self._owners[partition] = asyncio.create_task(self._own(partition, generation))

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Settle what is in flight and let go. A lane that cannot in time would act beside the next owner."""
        self._logger.info("revoked", partitions=sorted(partitions))
        for partition, owner in self._owners.items():
            lane = self._lanes.get(partition)
            if lane is None:
                owner.cancel()
            else:
                lane.close()
        owners, self._owners = self._owners, {}
        saving = set(self._saving)
        if owners:
            _, pending = await asyncio.wait(owners.values(), timeout=self._settings.revoke_timeout_ms / 1000)
            if pending:
                self._fail(PartitionStuck(f"{len(pending)} partitions were not let go within the limit"))
        if last := self._saving - saving:
            await asyncio.wait(last, timeout=self._settings.hand_over_save_ms / 1000)

    async def _own(self, partition: int, generation: int) -> None:
        """Take over and run, again after each failure that another take-over repairs."""
        tries = Tries(self._settings.takeover_attempts)
        try:
            while self._is_present(generation) and not await self._try_to_own(partition, generation, tries):
                await asyncio.sleep(self._backoff(tries.failed))
        except (Superseded, NotAssigned, asyncio.CancelledError):
            return
        except BaseException as error:  # noqa: BLE001  # whatever ends an owner ends the process, in `run`
            self._fail(error)

    async def _try_to_own(self, partition: int, generation: int, tries: Tries) -> bool:
        """True when the partition was owned and let go; False when another take-over may do."""
        try:
            await self._own_once(partition, generation, tries)
        except NotAssigned:
            raise
        except Transient as error:
            self._logger.warning(
                "partition dropped",
                partition=partition,
                attempt=tries.failed + 1,
                error=type(error).__name__,
                detail=str(error),
            )
            tries.fail(partition, error)
            return False
        return True

    async def _own_once(self, partition: int, generation: int, tries: Tries) -> None:
        kept = self._copies.take(partition)
        present: Callable[[], bool] = lambda: self._is_present(generation)  # noqa: E731
        last = await self._owning.last_attempt(partition)
        recovered, writer = await self._takeover.take(partition, kept, present)
        try:
            following = agree(partition, recovered.state, await self._group.committed(partition))
            tries.begin(following)
            if not present():
                raise Superseded
            self._group.seek(partition, following)
            self._group.resume([partition])
            owned = self._owning.own(recovered, writer, last, self._save, self._relieved)
            lane = self._lanes[partition] = owned.lane
            self._note_readiness()
            try:
                await owned.run()
            finally:
                self._lanes.pop(partition, None)
            self._copies.keep(partition, lane.committed())
            self._save_at_hand_over(partition, lane)
        finally:
            await writer.close()

    def _note_readiness(self) -> None:
        if len(self._lanes) == len(self._owners):
            self._process.health.ready(True, aspect="partitions")

    def _is_present(self, generation: int) -> bool:
        return generation == self._generation and generation == self._group.generation()

    def _relieved(self, partition: int) -> None:
        self._group.resume([partition])

    def _save(self, partition: int, snapshot: Stored) -> None:
        task = asyncio.create_task(self._save_logged(partition, snapshot))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    def _save_at_hand_over(self, partition: int, lane: Lane) -> None:
        snapshot = lane.unsaved()
        if snapshot is not None:
            self._save(partition, snapshot)

    async def _save_logged(self, partition: int, snapshot: Stored) -> None:
        """A snapshot that cannot be saved costs time at the next take-over, and nothing else."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            await self._snapshots.save(partition, snapshot)
        except (Transient, Fatal) as error:
            self._logger.warning("snapshot not saved", partition=partition, seq=snapshot.seq, detail=str(error))
            self._process.metrics.counter("snapshots_not_saved_total", "Snapshots that the store did not take.").add()
            return
        metrics, label = self._process.metrics, str(partition)
        metrics.histogram("snapshot_seconds", "To save a snapshot.").observe(loop.time() - started)
        metrics.gauge("snapshot_bytes", "Of the last snapshot.", partition=label).set(len(snapshot.data))
        saved = self._process.clock.now()
        metrics.gauge("snapshot_age_seconds", "Of the last snapshot.", partition=label).read = lambda: (
            (self._process.clock.now() - saved) / 1_000_000_000
        )

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    def _backoff(self, attempt: int) -> float:
        most = self._settings.takeover_backoff_most_ms
        limit = min(most, self._settings.takeover_backoff_ms * 2 ** (attempt - 1))
        return self._process.chance.uniform(limit / 2, limit) / 1000
