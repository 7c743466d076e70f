"""All partitions trade a little, for as long as a row wants, and somebody notes when each of them commits."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final

from deploy.local.servers import Addresses
from libs.events.codec import decode_event, encode
from libs.events.topics import ORDER_EVENTS, ORDERS
from libs.kafka.adapter import KafkaLog
from libs.kafka.limits import Limits
from libs.kafka.ports import Entry, Publisher
from sim.products import EIGHT
from tests.benchmarks import servers
from tests.benchmarks.entry import OrderEntry, listed
from tests.benchmarks.flow import Flow

_EVERY_S: Final = 0.02
"""Between two commands of a partition: what a gap cannot be shorter than."""
_TOGETHER: Final = 2_000
_AT_ONCE: Final = Limits(gather_bytes=1)


class Seen:
    """When each partition's commits could be read, `time.monotonic`, and how far they are."""

    def __init__(self) -> None:
        self.at: dict[int, list[float]] = {partition: [] for partition in range(servers.PARTITIONS)}
        self.asked = dict.fromkeys(self.at, -1)
        """The last command that was acknowledged."""
        self.answered = dict.fromkeys(self.at, -1)
        """The last command whose event was read."""

    def longest(self, partition: int, since: float, until: float) -> float:
        """Seconds without a commit, around a moment."""
        times = [at for at in self.at[partition] if since - 1.0 <= at <= until]
        return max((after - before for before, after in pairwise(times)), default=until - since)


@asynccontextmanager
async def trading(addresses: Addresses, resting: Sequence[int]) -> AsyncIterator[Seen]:
    """Books of so many orders by partition, and a command to each partition every `_EVERY_S`, and who watches them."""
    log = KafkaLog(addresses.kafka, "bench-trading", _AT_ONCE)
    publisher, seen = log.publisher(), Seen()
    await publisher.start()
    flows = [_flow(partition) for partition in range(servers.PARTITIONS)]
    for partition, flow in enumerate(flows):
        start = time.time_ns()
        first = [listed(256 + partition, EIGHT[partition], start), *flow.resting(resting[partition])]
        entries = [Entry(EIGHT[partition].encode(), encode(command)) for command in first]
        for at in range(0, len(entries), _TOGETHER):
            acks = await publisher.publish(ORDERS, partition, entries[at : at + _TOGETHER])
            seen.asked[partition] = acks[-1].offset
    tasks = [asyncio.create_task(_send(publisher, partition, flow, seen)) for partition, flow in enumerate(flows)]
    tasks.append(asyncio.create_task(_watch(log, seen)))
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await publisher.close()


def _flow(partition: int) -> Flow:
    return Flow(OrderEntry(time.time_ns(), 1_000), 256 + partition, partition)


async def _send(publisher: Publisher, partition: int, resting: Flow, seen: Seen) -> None:
    """As long as it is let: every command as fresh as one from order_api."""
    key = EIGHT[partition].encode()
    steady = _fresh(resting)
    due = time.monotonic()
    while True:
        due += _EVERY_S
        (ack,) = await publisher.publish(ORDERS, partition, [Entry(key, next(steady))])
        seen.asked[partition] = ack.offset
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def _fresh(flow: Flow) -> Iterator[bytes]:
    while True:
        flow.now(time.time_ns())
        yield from (encode(command) for command in flow.steady(1))


async def _watch(log: KafkaLog, seen: Seen) -> None:
    reader = log.reader(ORDER_EVENTS)
    await reader.start()
    try:
        reader.assign({partition: (await reader.bounds(partition)).end for partition in seen.at})
        while True:
            polled = await reader.poll(10_000, 0.05)
            now = time.monotonic()
            for partition, records in polled.items():
                seen.at[partition].append(now)
                seen.answered[partition] = decode_event(records[-1].value or b"").command_offset
    finally:
        await reader.stop()
