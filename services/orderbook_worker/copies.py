"""States of partitions that this process does not own: kept from when it did, and warm ones, which follow the log.

A warm copy is folded along with the committed events of another owner, so that whoever takes the partition over has
only the tail to read. It decides nothing and promises nothing: a take-over holds it against the log as it does any
state, and one that is missing costs time and nothing else. So whatever goes wrong here ends a copy, and never a worker.
"""

import asyncio
from collections.abc import Callable, Sequence

from libs.book.fold import Broken, fold
from libs.events.topics import ORDER_EVENTS
from libs.kafka.ports import Log, LogReader, Record
from libs.service.failures import Fatal, Transient
from libs.service.logging import Log as Logger
from libs.service.metrics import Metrics
from libs.snapshots.recovering import FoldLimits, Recovered, Recovering, event_in
from libs.snapshots.snapshots import Refusal, Snapshots
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.unhurried import Unhurried

Refuse = Callable[[int, Refusal], None]


class Copies:
    """By partition. `run` folds; without it, kept states wait as they are."""

    def __init__(
        self, log: Log, snapshots: Snapshots, settings: WorkerSettings, logger: Logger, metrics: Metrics, refuse: Refuse
    ) -> None:
        self._log = log
        self._snapshots = snapshots
        self._settings = settings
        self._logger = logger
        self._refuse = refuse
        self._limits = FoldLimits(settings.warm_records, settings.fold_timeout_ms / 1000)
        self._states: dict[int, Recovered] = {}
        self._owned: frozenset[int] | None = None
        """None before the first assignment."""
        self._followed: list[int] = []
        self._broken: set[int] = set()
        """Not begun again before the next assignment."""
        self._changed = asyncio.Event()
        """Whether what was read may be of another partition, or another place, than is folded from now on."""
        metrics.gauge(
            "warm_copies", "Partitions of other owners that are folded along.", lambda: float(len(self._followed))
        )

    def keep(self, partition: int, state: Recovered) -> None:
        """Of a partition that is let go, as the log has it."""
        self._states[partition] = state
        self._changed.set()

    def take(self, partition: int) -> Recovered | None:
        """Given away: nothing is folded into it any more."""
        self._changed.set()
        return self._states.pop(partition, None)

    def share(self, owned: frozenset[int]) -> None:
        """All others may be followed."""
        self._owned = owned
        self._broken.clear()
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        reader = Unhurried(self._log.reader(ORDER_EVENTS), self._settings.warm_pause_factor)
        while True:
            self._changed.set()
            try:
                await reader.start()
                try:
                    while True:
                        await self._follow(reader)
                finally:
                    await reader.stop()
            except (Transient, Fatal) as error:
                self._logger.info("copies interrupted", detail=str(error))
            self._followed = []
            await asyncio.sleep(self._settings.warm_retry_ms / 1000)

    async def _follow(self, reader: LogReader) -> None:
        """One poll, and what it brought."""
        if self._changed.is_set():
            self._changed.clear()
            await self._choose(reader)
            if self._changed.is_set():
                return
            reader.assign({partition: self._states[partition].next_event_offset for partition in self._followed})
        if not self._followed:
            await self._changed.wait()
            return
        polled = await reader.poll(self._settings.warm_records, self._settings.warm_poll_ms / 1000)
        if self._changed.is_set():
            return  # it is read again where it is wanted
        for partition, records in polled.items():
            self._fold(partition, records)

    async def _choose(self, reader: LogReader) -> None:
        """Those that are kept already come first. Ends early when something changes meanwhile."""
        self._followed = []
        if self._owned is None:
            return
        others = set(await reader.partitions()) - self._owned - self._broken
        for partition in sorted(others, key=lambda each: (each not in self._states, each))[
            : self._settings.warm_copies
        ]:
            if partition not in self._states and not await self._begin(reader, partition):
                continue
            if self._changed.is_set():
                return
            self._followed.append(partition)

    async def _begin(self, reader: LogReader, partition: int) -> bool:
        """A copy as a take-over would make it. Whether it is there, and nothing has changed."""
        recovering = Recovering(reader, partition, await reader.bounds(partition), self._limits, self._refuse)
        try:
            state = await recovering.from_first(self._snapshots.stored(partition))
            if state is None:
                state = await recovering.from_the_start()
        except Broken as error:
            self._drop(partition, error)
            return False
        if self._changed.is_set():
            return False
        self._states[partition] = state
        return True

    def _fold(self, partition: int, records: Sequence[Record]) -> None:
        state = self._states[partition].state
        try:
            for record in records:
                fold(state, event_in(partition, record))
        except Broken as error:
            self._drop(partition, error)
            return
        self._states[partition] = self._states[partition]._replace(next_event_offset=records[-1].offset + 1)

    def _drop(self, partition: int, error: Broken) -> None:
        self._logger.warning("copy dropped", partition=partition, detail=str(error))
        self._states.pop(partition, None)
        self._broken.add(partition)
        self._changed.set()
