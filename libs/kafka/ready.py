"""Readers that stand ready: making one costs connections and metadata, a tenth of a second that trading would wait for
when a partition changes hands.

`stop` gives a reader back, and the next one that is wanted of the same topic is that one, started. Of a topic there are
so many and no more: whoever wants another waits for one, which is sooner there than a new one is made. What failed
once is not kept. Everything else of the log passes through.
"""

import asyncio
from collections.abc import Mapping, Sequence

from libs.kafka.failures import LogUnavailable, NotAssigned
from libs.kafka.ports import Bookmarks, Bounds, GroupReader, Log, LogReader, Publisher, Record, TransactionalWriter


class _Desk:
    """The readers of one topic."""

    def __init__(self, most: int) -> None:
        self.free = asyncio.Semaphore(most)
        self.idle: list[LogReader] = []


class ReadyReaders:
    """A log of one process. `most`: readers of a topic at a time, lent or idle."""

    def __init__(self, log: Log, most: int) -> None:
        self._log = log
        self._most = most
        self._desks: dict[tuple[str, bool], _Desk] = {}
        self._closed = False

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        return _Lent(self, topic, committed)

    def group(self, topic: str, group: str, instance: str | None = None, *, committed: bool = True) -> GroupReader:
        return self._log.group(topic, group, instance, committed=committed)

    def transactional_writer(self, transactional_id: str) -> TransactionalWriter:
        return self._log.transactional_writer(transactional_id)

    def publisher(self) -> Publisher:
        return self._log.publisher()

    def bookmarks(self, name: str) -> Bookmarks:
        return self._log.bookmarks(name)

    async def close(self) -> None:
        """Stop those that nobody reads; one that is given back later is stopped then."""
        self._closed = True
        for desk in self._desks.values():
            while desk.idle:
                await desk.idle.pop().stop()

    async def take(self, topic: str, committed: bool) -> LogReader:
        """A started reader without an assignment, to be given back once. Raises as the start of one does."""
        desk = self._desks.setdefault((topic, committed), _Desk(self._most))
        await desk.free.acquire()
        if desk.idle:
            return desk.idle.pop()
        reader = self._log.reader(topic, committed=committed)
        try:
            await reader.start()
        except BaseException:
            desk.free.release()
            raise
        return reader

    async def give_back(self, topic: str, committed: bool, reader: LogReader, *, failed: bool) -> None:
        desk = self._desks[topic, committed]
        try:
            if failed or self._closed:
                await reader.stop()
            else:
                reader.assign({})
                desk.idle.append(reader)
        finally:
            desk.free.release()


class _Lent:
    """A reader between its `start` and its `stop`; a failure of any call makes that a real end."""

    def __init__(self, log: ReadyReaders, topic: str, committed: bool) -> None:
        self._log = log
        self._topic = topic
        self._committed = committed
        self._reader: LogReader | None = None
        self._failed = False

    async def start(self) -> None:
        self._reader = await self._log.take(self._topic, self._committed)

    async def stop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await self._log.give_back(self._topic, self._committed, reader, failed=self._failed)

    async def partitions(self) -> list[int]:
        try:
            return await self._started().partitions()
        except BaseException:
            self._failed = True
            raise

    async def bounds(self, partition: int) -> Bounds:
        try:
            return await self._started().bounds(partition)
        except BaseException:
            self._failed = True
            raise

    def assign(self, positions: Mapping[int, int]) -> None:
        self._started().assign(positions)

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        try:
            return await self._started().poll(max_records, timeout)
        except BaseException:
            self._failed = True
            raise

    def position(self, partition: int) -> int:
        if self._reader is None:
            raise NotAssigned(self._topic, partition)
        return self._reader.position(partition)

    def _started(self) -> LogReader:
        if self._reader is None:
            raise LogUnavailable(f"the reader of {self._topic} is not started")
        return self._reader
