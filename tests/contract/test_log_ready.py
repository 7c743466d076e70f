"""A reader that was given back reads for the next one as a new one would."""

import asyncio
from typing import cast

from libs.kafka.ports import Entry, Log, LogReader
from libs.kafka.ready import ReadyReaders
from tests.contract.logs import LIMIT_S, Cluster


async def read(reader: LogReader, partition: int) -> list[bytes | None]:
    """All there is of a partition."""
    end = (await reader.bounds(partition)).end
    reader.assign({partition: 0})
    found: list[bytes | None] = []
    async with asyncio.timeout(LIMIT_S):
        while reader.position(partition) < end:
            found += [record.value for record in (await reader.poll(100, 1.0)).get(partition, ())]
    return found


def test_a_reader_that_was_given_back_reads_what_it_is_told_next(cluster: Cluster) -> None:
    async def scenario() -> None:
        topic, publisher = await cluster.topic(2), cluster.publisher()
        ready = ReadyReaders(cast("Log", cluster), 1)  # it asks for readers alone
        await publisher.start()
        try:
            for turn in range(3):
                for partition in (0, 1):
                    await publisher.publish(topic, partition, [Entry(None, bytes([partition, turn]))])
                    reader = ready.reader(topic)
                    await reader.start()
                    assert await read(reader, partition) == [bytes([partition, at]) for at in range(turn + 1)]
                    await reader.stop()
        finally:
            await ready.close()
            await cluster.close()

    asyncio.run(scenario())
