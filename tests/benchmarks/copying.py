"""A part: copies `orders` to a topic of the same shape, in transactions, with the same client and batch as the worker.

It decodes nothing and decides nothing: what it does not reach, no worker will.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from libs.events.topics import ORDERS
from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import TopicSpec, ensure_topics
from libs.kafka.ports import Entry, InputOffset, LogReader, Outbox, Record, TransactionalWriter
from tests.benchmarks.child import serve

_TARGET: Final = "bench-copy"
_POLL_RECORDS: Final = 4_000
_POLL_S: Final = 0.2


class Task(msgspec.Struct):
    kafka: str
    partitions: int


class Copied(msgspec.Struct):
    records: int
    seconds: float


async def main(task: Task) -> Copied:
    await ensure_topics(task.kafka, [TopicSpec(_TARGET, task.partitions)])
    log = KafkaLog(task.kafka, "bench-copy")
    reader = log.reader(ORDERS, committed=False)
    writers = [log.transactional_writer(f"bench-copy-{partition}") for partition in range(task.partitions)]
    await reader.start()
    try:
        await asyncio.gather(*(writer.start() for writer in writers))
        return await _Copy(reader, writers).run()
    finally:
        await reader.stop()
        await asyncio.gather(*(writer.close() for writer in writers))


class _Copy:
    """As the worker's lanes: one transaction of a partition in flight, the next batch at hand meanwhile."""

    def __init__(self, reader: LogReader, writers: Sequence[TransactionalWriter]) -> None:
        self._reader = reader
        self._writers = writers
        self._committing: dict[int, asyncio.Task[object]] = {}

    async def run(self) -> Copied:
        bounds = {partition: await self._reader.bounds(partition) for partition in range(len(self._writers))}
        self._reader.assign({partition: each.start for partition, each in bounds.items()})
        left = records = sum(each.end - each.start for each in bounds.values())
        began = time.monotonic()
        while left:
            polled = await self._reader.poll(_POLL_RECORDS, _POLL_S)
            left -= sum(map(len, polled.values()))
            await self._write(polled)
        await asyncio.gather(*self._committing.values())
        return Copied(records, time.monotonic() - began)

    async def _write(self, polled: Mapping[int, Sequence[Record]]) -> None:
        for partition, records in polled.items():
            before = self._committing.pop(partition, None)
            if before is not None:
                await before
            self._committing[partition] = asyncio.create_task(self._commit(partition, records))

    async def _commit(self, partition: int, records: Sequence[Record]) -> None:
        entries = [Entry(record.key, record.value) for record in records]
        position = InputOffset("bench-copy", ORDERS, partition, records[-1].offset + 1)
        await self._writers[partition].commit([Outbox(_TARGET, partition, entries)], position)


if __name__ == "__main__":
    serve(Task, main)
