"""`orders` read behind `order-events`, in step: never more commands at hand than a piece of events can need."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from cli.problem import CannotDo
from libs.kafka.failures import LogBroken, LogUnavailable
from libs.kafka.ports import Log, LogReader, Record

PIECE_RECORDS: Final = 2_000
POLL_S: Final = 1.0
STALLED_POLLS: Final = 30
"""Polls in a row that may bring nothing where something must be."""


@asynccontextmanager
async def opened(log: Log, topic: str, *, committed: bool) -> AsyncIterator[LogReader]:
    """A reader that is stopped afterwards. Raises CannotDo for a topic that is not there."""
    reader = log.reader(topic, committed=committed)
    await reader.start()
    try:
        try:
            await reader.partitions()
        except (LogBroken, LogUnavailable) as error:
            raise CannotDo(
                f"Without the topic {topic} there is nothing to audit: {error}. Is this the exchange's Kafka? "
                "Its topics are made by the first `make up`."
            ) from error
        yield reader
    finally:
        await reader.stop()


async def pieces(reader: LogReader, partition: int, end: int) -> AsyncIterator[Sequence[Record]]:
    """What is assigned, up to `end`, at most `PIECE_RECORDS` at once. Raises CannotDo when nothing comes any more."""
    stalled = 0
    while reader.position(partition) < end:
        records = (await reader.poll(PIECE_RECORDS, POLL_S)).get(partition, ())
        stalled = 0 if records else stalled + 1
        if stalled >= STALLED_POLLS:
            raise CannotDo(
                f"Partition {partition} gives nothing behind offset {reader.position(partition)}: try again."
            )
        if records and records[-1].offset >= end:
            records = [record for record in records if record.offset < end]
        if records:
            yield records


class Commands:
    """The commands of one partition from an offset to before another, in order."""

    def __init__(self, reader: LogReader, partition: int, start: int, end: int) -> None:
        self._reader = reader
        self._held: deque[Record] = deque()
        reader.assign({partition: start})
        self._pieces = pieces(reader, partition, end)

    async def hold(self, offset: int, count: int) -> None:
        """Have so many at hand from an offset on, if there are so many."""
        self._give_up(offset)
        while len(self._held) < count:
            records = await anext(self._pieces, None)
            if records is None:
                return
            self._held.extend(records)
            self._give_up(offset)

    def _give_up(self, offset: int) -> None:
        """Those before the offset."""
        while self._held and self._held[0].offset < offset:
            self._held.popleft()

    def at(self, offset: int) -> Record | None:
        """The command at an offset; those before it are given up."""
        self._give_up(offset)
        return self._held[0] if self._held and self._held[0].offset == offset else None
