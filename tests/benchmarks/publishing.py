"""A part: publishes commands with the exchange's own client, as many together as a batch request has, and nothing else."""

import asyncio
import time
from typing import Final

import msgspec

from libs.events.codec import encode
from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import TopicSpec, ensure_topics
from libs.kafka.ports import Entry, Publisher
from tests.benchmarks.child import serve
from tests.benchmarks.entry import OrderEntry
from tests.benchmarks.flow import Flow

_TARGET: Final = "bench-publish"
_COMMANDS: Final = 20_000
"""Made before; they are published again and again."""


class Task(msgspec.Struct):
    kafka: str
    partitions: int
    together: int
    seconds: float


class Published(msgspec.Struct):
    commands: int
    seconds: float


async def main(task: Task) -> Published:
    await ensure_topics(task.kafka, [TopicSpec(_TARGET, task.partitions)])
    publisher = KafkaLog(task.kafka, "bench-publish").publisher()
    await publisher.start()
    try:
        flow = Flow(OrderEntry(time.time_ns(), 1), 256, 1)
        entries = [Entry(b"BTC-USD", encode(command)) for command in flow.steady(_COMMANDS)]
        began = time.monotonic()
        ends = began + task.seconds
        counts = await asyncio.gather(
            *(_publish(publisher, at, entries, task.together, ends) for at in range(task.partitions))
        )
        return Published(sum(counts), time.monotonic() - began)
    finally:
        await publisher.close()


async def _publish(publisher: Publisher, partition: int, entries: list[Entry], together: int, ends: float) -> int:
    """One call in flight, as one product's client has one batch in flight."""
    at = count = 0
    while time.monotonic() < ends:
        acks = await publisher.publish(_TARGET, partition, entries[at : at + together])
        count += len(acks)
        at = (at + together) % (len(entries) - together)
    return count


if __name__ == "__main__":
    serve(Task, main)
