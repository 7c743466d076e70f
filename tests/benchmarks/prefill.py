"""A part: fills `orders` with commands of eight products, one a partition, before anybody reads them."""

import asyncio
import time
from typing import Final

import msgspec

from libs.events.codec import encode
from libs.events.topics import ORDERS
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Entry, Publisher
from tests.benchmarks.child import serve
from tests.benchmarks.entry import OrderEntry, listed
from tests.benchmarks.flow import Flow

_RESTING: Final = 1_000
_TOGETHER: Final = 5_000
_STEP: Final = 1_000
"""ns between two commands: they must not be ahead of the clock by seconds."""


class Task(msgspec.Struct):
    kafka: str
    products: list[str]
    """One for each partition, in order."""
    commands: int
    """For each."""


class Filled(msgspec.Struct):
    commands: int
    bytes: int


async def main(task: Task) -> Filled:
    publisher = KafkaLog(task.kafka, "bench-prefill").publisher()
    await publisher.start()
    try:
        sizes = [await _fill(publisher, task, partition) for partition in range(len(task.products))]
    finally:
        await publisher.close()
    return Filled(len(task.products) * task.commands, sum(sizes))


async def _fill(publisher: Publisher, task: Task, partition: int) -> int:
    number, product_id = 256 + partition, task.products[partition]
    start = time.time_ns()
    flow = Flow(OrderEntry(start, _STEP), number, partition)
    commands = [listed(number, product_id, start), *flow.resting(_RESTING)]
    commands += flow.steady(task.commands - len(commands))
    key = product_id.encode()
    entries = [Entry(key, encode(command)) for command in commands]
    for at in range(0, len(entries), _TOGETHER):
        await publisher.publish(ORDERS, partition, entries[at : at + _TOGETHER])
        await asyncio.sleep(0)
    return sum(len(entry.value or b"") for entry in entries)


if __name__ == "__main__":
    serve(Task, main)
