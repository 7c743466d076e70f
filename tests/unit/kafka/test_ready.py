"""Readers that stand ready: the next one gets what the last one gave back, unless it failed."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from libs.kafka.failures import LogUnavailable, NotAssigned
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry, LogReader, Record
from libs.kafka.ready import ReadyReaders

TOPIC = "topic"


class Counted(MemoryLog):
    """Knows its readers."""

    def __init__(self) -> None:
        broker = Broker()
        broker.create_topic(TOPIC, 2)
        super().__init__(broker)
        self.broker = broker
        self.made = 0

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        self.made += 1
        return super().reader(topic, committed=committed)


async def filled() -> Counted:
    log = Counted()
    publisher = log.publisher()
    await publisher.start()
    for partition in (0, 1):
        await publisher.publish(TOPIC, partition, [Entry(None, bytes([partition, at])) for at in range(3)])
    return log


async def values(reader: LogReader, partition: int) -> list[bytes | None]:
    reader.assign({partition: 0})
    found: Mapping[int, Sequence[Record]] = await reader.poll(10, 1.0)
    assert set(found) <= {partition}
    return [record.value for record in found[partition]]


def test_what_is_given_back_is_lent_again_and_remembers_nothing() -> None:
    async def scenario() -> None:
        log = await filled()
        ready = ReadyReaders(log, 2)
        for partition in (0, 1, 0):
            reader = ready.reader(TOPIC)
            await reader.start()
            with pytest.raises(NotAssigned):
                reader.position(partition)
            assert await values(reader, partition) == [bytes([partition, at]) for at in range(3)]
            await reader.stop()
            with pytest.raises(LogUnavailable, match="not started"):
                await reader.poll(1, 0.0)
        assert log.made == 1
        await ready.close()

    asyncio.run(scenario())


def test_there_are_so_many_and_no_more() -> None:
    async def scenario() -> None:
        log = await filled()
        ready = ReadyReaders(log, 2)
        readers = [ready.reader(TOPIC) for _ in range(5)]
        at_once = most = 0

        async def use(reader: LogReader) -> None:
            nonlocal at_once, most
            await reader.start()
            at_once += 1
            most = max(most, at_once)
            await values(reader, 0)
            at_once -= 1
            await reader.stop()

        await asyncio.gather(*(use(reader) for reader in readers))
        assert (log.made, most) == (2, 2)

    asyncio.run(scenario())


def test_one_that_failed_is_not_lent_again_and_takes_nobodys_place() -> None:
    async def scenario() -> None:
        log = await filled()
        ready = ReadyReaders(log, 1)
        reader = ready.reader(TOPIC)
        await reader.start()
        log.broker.away = True
        with pytest.raises(LogUnavailable):
            await reader.bounds(0)
        await reader.stop()
        with pytest.raises(LogUnavailable):
            await ready.reader(TOPIC).start()
        log.broker.away = False
        other = ready.reader(TOPIC)
        await other.start()
        assert log.made == 3
        await other.stop()

    asyncio.run(scenario())


def test_after_the_end_nothing_is_kept() -> None:
    async def scenario() -> None:
        log = await filled()
        ready = ReadyReaders(log, 2)
        one, other = ready.reader(TOPIC), ready.reader(TOPIC)
        await one.start()
        await other.start()
        await one.stop()
        await ready.close()
        await other.stop()
        again = ready.reader(TOPIC)
        await again.start()
        assert log.made == 3
        await again.stop()

    asyncio.run(scenario())
