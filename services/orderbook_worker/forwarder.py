"""Brings parked commands back: from the retry topics of a partition to its `orders`, each when it is due.

What is not parked any more, or awaited with another attempt, is left where it is. What is brought back twice, because
its owner died before the bookmark was set, is ignored by the engine the second time. A partition in which nothing is
parked has nothing to read, so all of this sleeps as long as all is well.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import inf

from libs.book.partition import PartitionState
from libs.events.codec import Unreadable, decode_envelope
from libs.events.topics import ORDERS, RETRIES, RETRY_WAITS_NS
from libs.kafka.ports import Bookmarks, Entry, Log, Publisher, Record
from libs.service.clock import NANOSECONDS, Clock
from libs.service.failures import Transient
from libs.service.logging import Log as Logger
from libs.service.waiting import until_set
from services.orderbook_worker.letters import kept
from services.orderbook_worker.settings import WorkerSettings

_MILLISECOND = 1_000_000


class _Tier:
    """One retry topic of the partition."""

    def __init__(self, topic: str, wait_ns: int) -> None:
        self.topic = topic
        self.wait_ns = wait_ns
        self.next_offset: int | None = None
        """None before the bookmark was asked for."""
        self.look_at: float = 0
        """Clock time, ns, from which it is worth a look; infinite as long as nothing is known to be there."""
        self.bookmark: tuple[int, int] | None = None
        """To be set once the log holds the state on which it was decided: the offset, and that state's `seq`."""


class Forwarder:
    """Of one owned partition. `committed_seq` says how far its state is in the log."""

    def __init__(
        self,
        log: Log,
        publisher: Publisher,
        bookmarks: Bookmarks,
        state: PartitionState,
        committed_seq: Callable[[], int],
        settings: WorkerSettings,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._log = log
        self._publisher = publisher
        self._bookmarks = bookmarks
        self._state = state
        self._partition = state.partition
        self._committed_seq = committed_seq
        self._settings = settings
        self._clock = clock
        self._logger = logger
        self._tiers = [_Tier(topic, wait) for topic, wait in zip(RETRIES, RETRY_WAITS_NS, strict=True)]
        self._came = asyncio.Event()

    def deferred(self, tier: int) -> None:
        """There is more to read in that tier, from 1."""
        self._tiers[tier - 1].look_at = 0
        self._came.set()

    def committed(self) -> None:
        """A bookmark may have waited for it."""
        if any(tier.bookmark is not None for tier in self._tiers):
            self._came.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._came.clear()
            await self._look()
            await self._mark()
            await self._sleep()

    async def _sleep(self) -> None:
        """Until there is something to do."""
        wake = min(tier.look_at for tier in self._tiers) if self._state.parked else inf
        left = (wake - self._clock.now()) / NANOSECONDS
        await until_set(self._came, None if left == inf else max(0.0, left))

    async def _look(self) -> None:
        for tier in self._tiers:
            if self._state.parked and tier.look_at <= self._clock.now():
                try:
                    await self._forward(tier)
                except Transient as error:
                    self._logger.warning(
                        "commands not brought back", partition=self._partition, topic=tier.topic, detail=str(error)
                    )
                    tier.look_at = self._later()

    async def _forward(self, tier: _Tier) -> None:
        """Everything that is due there."""
        tier.look_at = inf
        reader = self._log.reader(tier.topic)
        await reader.start()
        try:
            start, end = await reader.bounds(self._partition)
            if tier.next_offset is None:
                marked = await self._bookmarks.get(tier.topic, self._partition)
                tier.next_offset = start if marked is None else min(max(marked, start), end)
            reader.assign({self._partition: tier.next_offset})
            while tier.look_at == inf and reader.position(self._partition) < end:
                polled = await reader.poll(self._settings.forward_records, self._settings.fold_timeout_ms / 1000)
                await self._bring_back(tier, polled.get(self._partition, ()))
        finally:
            await reader.stop()

    async def _bring_back(self, tier: _Tier, records: Sequence[Record]) -> None:
        due: list[Record] = []
        for record in records:
            at = record.timestamp * _MILLISECOND + tier.wait_ns
            if at > self._clock.now():
                tier.look_at = at
                break
            due.append(record)
        if not due:
            return
        seq = self._state.seq
        awaited = [Entry(record.key, record.value, kept(record.headers)) for record in due if self._is_awaited(record)]
        await self._publisher.publish(ORDERS, self._partition, awaited)
        tier.next_offset = due[-1].offset + 1
        tier.bookmark = tier.next_offset, seq

    def _is_awaited(self, record: Record) -> bool:
        try:
            envelope = decode_envelope(record.value or b"")
        except Unreadable:
            return False  # nobody waits for what has no name
        return self._state.parked.awaits(envelope.command_id, envelope.attempt)

    async def _mark(self) -> None:
        for tier in self._tiers:
            if tier.bookmark is None or tier.bookmark[1] > self._committed_seq():
                continue
            offset, _ = tier.bookmark
            try:
                await self._bookmarks.put(tier.topic, self._partition, offset)
            except Transient as error:  # what is read again from there is not awaited any more
                self._logger.info("bookmark not set", partition=self._partition, topic=tier.topic, detail=str(error))
            tier.bookmark = None

    def _later(self) -> float:
        return self._clock.now() + self._settings.forward_pause_ms * _MILLISECOND
