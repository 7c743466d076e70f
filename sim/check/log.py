"""Reading a partition of a topic up to where it ends now, a piece at a time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from libs.kafka.ports import Log, LogReader, Record
from sim.check.difference import Difference

POLL_RECORDS: Final = 5_000
POLL_S: Final = 1.0
EMPTY_POLLS: Final = 30
"""So many in a row before the end mean that the log gives no more."""


@asynccontextmanager
async def opened(log: Log, topic: str, *, committed: bool) -> AsyncIterator[LogReader]:
    reader = log.reader(topic, committed=committed)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


async def pieces(reader: LogReader, topic: str, partition: int, end: int) -> AsyncIterator[Sequence[Record]]:
    """Everything from offset 0 up to `end`. History that is gone is a Difference."""
    start = (await reader.bounds(partition)).start
    if start:
        raise Difference(f"{topic}/{partition} begins at {start}: what came before cannot be checked")
    reader.assign({partition: 0})
    empty = 0
    while reader.position(partition) < end:
        found = (await reader.poll(POLL_RECORDS, POLL_S)).get(partition, ())
        empty = 0 if found else empty + 1
        if empty >= EMPTY_POLLS:
            raise Difference(f"{topic}/{partition} gives nothing behind {reader.position(partition)}; it ends at {end}")
        yield [record for record in found if record.offset < end]
