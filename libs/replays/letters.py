"""Dead letters where they lie for ever: the topic `orders.dlq`, found by the place in `orders` that is their name.

A partition's owner writes its dead letters in the order of their offsets in `orders`, so one is found by halving.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from libs.events.topics import DLQ
from libs.events.values import DeadLetterName
from libs.kafka.ports import Headers, Log, LogReader, Record
from libs.service.failures import Poison

OFFSET_HEADER: Final = "__dlq.errors.offset"
TRACE_HEADERS: Final = frozenset(("traceparent", "tracestate"))
"""What a replay keeps; the rest tells of the death."""
_POLL_S: Final = 0.25


class Misplaced(Poison):
    """The log of dead letters has none of that name, or holds what is no dead letter."""


class DeadLetter(NamedTuple):
    """The record as it was in `orders`, with what is told of its death in its headers."""

    name: DeadLetterName
    key: bytes | None
    value: bytes
    headers: Mapping[str, str]
    offset: int
    """In `orders.dlq`."""
    timestamp: int
    """Milliseconds since the epoch."""

    @property
    def trace(self) -> Headers:
        return [(name, text.encode()) for name, text in self.headers.items() if name in TRACE_HEADERS]


class Letters:
    """One reader, which looks for one letter at a time."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reader: LogReader | None = None
        self._turn = asyncio.Lock()

    async def find(self, name: DeadLetterName) -> DeadLetter:
        """Raises Misplaced, or what the log raises; then the reader is given up."""
        async with self._turn:
            try:
                return await self._find(await self._started(), name)
            except BaseException:
                await self._stop()
                raise

    async def close(self) -> None:
        async with self._turn:
            await self._stop()

    async def _started(self) -> LogReader:
        if self._reader is None:
            self._reader = self._log.reader(DLQ)
            await self._reader.start()
        return self._reader

    async def _stop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.stop()

    async def _find(self, reader: LogReader, name: DeadLetterName) -> DeadLetter:
        if name.partition not in await reader.partitions():
            raise Misplaced(f"{DLQ} has no partition {name.partition}")
        low, high = end = await reader.bounds(name.partition)
        while low < high:
            middle = (low + high) // 2
            record = await _first_from(reader, name.partition, middle, end.end)
            if record is None:
                high = middle
                continue
            offset = _offset(record)
            if offset == name.offset:
                return _letter(name, record)
            if offset < name.offset:
                low = record.offset + 1
            else:
                high = middle
        raise Misplaced(f"{DLQ}/{name.partition} has no dead letter of offset {name.offset}")


async def _first_from(reader: LogReader, partition: int, offset: int, end: int) -> Record | None:
    """None where only control markers follow."""
    reader.assign({partition: offset})
    while reader.position(partition) < end:
        records = (await reader.poll(1, _POLL_S)).get(partition)
        if records:
            return records[0]
    return None


def _offset(record: Record) -> int:
    for name, value in record.headers:
        if name == OFFSET_HEADER:
            return int(value)
    raise Misplaced(f"{DLQ}/{record.partition} at offset {record.offset} has no header {OFFSET_HEADER}")


def _letter(name: DeadLetterName, record: Record) -> DeadLetter:
    headers = {header: value.decode("utf-8", "replace") for header, value in record.headers}
    return DeadLetter(name, record.key, record.value or b"", headers, record.offset, record.timestamp)
