"""A twin whose time stands still until a test moves it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from libs.kafka.memory import Broker, MemoryLog, PlannedFaults, VirtualTime
from libs.kafka.ports import Entry, Outbox, Record, TransactionalWriter

TOPIC = "events"


class World(NamedTuple):
    time: VirtualTime
    faults: PlannedFaults
    broker: Broker
    log: MemoryLog


def world(partitions: int = 2) -> World:
    time, faults = VirtualTime(), PlannedFaults()
    broker = Broker(time, faults)
    broker.create_topic(TOPIC, partitions)
    return World(time, faults, broker, MemoryLog(broker))


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 5.0))


def outbox(*values: bytes, partition: int = 0) -> Outbox:
    return Outbox(TOPIC, partition, [Entry(b"key", value) for value in values])


async def writer(log: MemoryLog, transactional_id: str = "id") -> TransactionalWriter:
    made = log.transactional_writer(transactional_id)
    await made.start()
    return made


async def visible(log: MemoryLog, *, committed: bool = True) -> list[bytes | None]:
    """All values of partition 0 that a reader sees now."""
    reader = log.reader(TOPIC, committed=committed)
    reader.assign({0: (await reader.bounds(0)).start})
    polled: dict[int, list[Record]] = {n: list(found) for n, found in (await reader.poll(1000, 0.0)).items()}
    return [record.value for record in polled.get(0, [])]
