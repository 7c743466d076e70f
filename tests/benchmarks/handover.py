"""A row: one of two workers is told to stop while all partitions trade. How long does each stand still?

From the last command of a partition that a committed reader sees from the old owner to the first one from the new:
the longest gap between two commits around the signal. Both workers' partitions stand still, since rebalances are
eager; those that change hands stand still longer.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from deploy.local.child import Child, Program
from deploy.local.logs import log_file
from deploy.local.servers import Addresses
from libs.events.codec import encode
from libs.events.topics import ORDER_EVENTS, ORDERS
from libs.kafka.adapter import KafkaLog
from libs.kafka.limits import Limits
from libs.kafka.ports import Entry, Publisher
from sim.products import EIGHT
from tests.benchmarks import servers
from tests.benchmarks.entry import OrderEntry, listed
from tests.benchmarks.flow import Flow
from tests.benchmarks.table import Figure, milliseconds, quantile

_RESTING: Final = 5_000
"""Orders of each partition."""
_EVERY_S: Final = 0.02
"""Between two commands of a partition: what a gap cannot be shorter than."""
_WARM_S: Final = 6.0
_AFTER_S: Final = 6.0
_ROUNDS: Final = 3
_START_S: Final = 60.0
_STOP_S: Final = 10.0
_TOGETHER: Final = 2_000
_AT_ONCE: Final = Limits(gather_bytes=1)


class _Seen:
    """When each partition's commits could be read, `time.monotonic`."""

    def __init__(self) -> None:
        self.at: dict[int, list[float]] = {partition: [] for partition in range(servers.PARTITIONS)}

    def longest(self, partition: int, since: float, until: float) -> float:
        """Seconds without a commit, around a moment."""
        times = [at for at in self.at[partition] if since - 1.0 <= at <= until]
        return max((after - before for before, after in pairwise(times)), default=until - since)


async def measure(_seconds: float) -> list[Figure]:
    moved: list[float] = []
    stayed: list[float] = []
    timeline: list[str] = []
    async with servers.directory() as where, servers.servers(where) as addresses, _trading(addresses) as seen:
        for number in range(_ROUNDS):
            leaving, staying = f"bench-{number}-leaves", f"bench-{number}-stays"
            async with servers.running(_program(where, addresses, staying)) as other:
                async with servers.running(_program(where, addresses, leaving)) as child:
                    owned = await _settled(where, leaving, child)
                    await asyncio.sleep(_WARM_S)
                    told, when = time.monotonic(), time.time()
                    if not await child.stop(_STOP_S):
                        raise RuntimeError(f"the worker did not stop within {_STOP_S:.0f} s: {child.last_line()}")
                    await asyncio.sleep(_AFTER_S)
                for partition in seen.at:
                    gaps = moved if partition in owned else stayed
                    gaps.append(seen.longest(partition, told, time.monotonic()))
                timeline = _timeline(where, leaving, staying, when)
                await other.stop(_STOP_S)
    return [_figure("changed hands", moved, timeline), _figure("stayed", stayed, [])]


def _figure(what: str, gaps: list[float], notes: list[str]) -> Figure:
    gaps = sorted(gaps)
    measured = f"{milliseconds(quantile(gaps, 0.5))} median, {milliseconds(gaps[-1])} longest"
    return Figure(f"hand-over, {len(gaps)} partitions that {what}", measured, notes=tuple(notes))


@asynccontextmanager
async def _trading(addresses: Addresses) -> AsyncIterator[_Seen]:
    """Books, and a command to each partition every `_EVERY_S`, and who watches them."""
    log = KafkaLog(addresses.kafka, "bench-handover", _AT_ONCE)
    publisher, seen = log.publisher(), _Seen()
    await publisher.start()
    flows = [_flow(partition) for partition in range(servers.PARTITIONS)]
    for partition, flow in enumerate(flows):
        start = time.time_ns()
        first = [listed(256 + partition, EIGHT[partition], start), *flow.resting(_RESTING)]
        entries = [Entry(EIGHT[partition].encode(), encode(command)) for command in first]
        for at in range(0, len(entries), _TOGETHER):
            await publisher.publish(ORDERS, partition, entries[at : at + _TOGETHER])
    tasks = [asyncio.create_task(_send(publisher, partition, flow)) for partition, flow in enumerate(flows)]
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


async def _send(publisher: Publisher, partition: int, resting: Flow) -> None:
    """As long as it is let: every command as fresh as one from order_api."""
    key = EIGHT[partition].encode()
    steady = _fresh(resting)
    due = time.monotonic()
    while True:
        due += _EVERY_S
        await publisher.publish(ORDERS, partition, [Entry(key, next(steady))])
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def _fresh(flow: Flow) -> Iterator[bytes]:
    while True:
        flow.now(time.time_ns())
        yield from (encode(command) for command in flow.steady(1))


async def _watch(log: KafkaLog, seen: _Seen) -> None:
    reader = log.reader(ORDER_EVENTS)
    await reader.start()
    try:
        reader.assign({partition: (await reader.bounds(partition)).end for partition in seen.at})
        while True:
            polled = await reader.poll(10_000, 0.05)
            now = time.monotonic()
            for partition in polled:
                seen.at[partition].append(now)
    finally:
        await reader.stop()


def _program(where: Path, addresses: Addresses, instance: str) -> Program:
    own = addresses.as_environment() | {
        "OUTCRY_INSTANCE": instance,
        "OUTCRY_DATA_DIR": str(where / instance),  # as two machines: no shared copy of a snapshot
    }
    argv = (sys.executable, "-u", "-m", "services.orderbook_worker")
    return Program(instance, argv, os.environ | own, log_file(where / "logs", instance))


async def _settled(where: Path, instance: str, child: Child) -> set[int]:
    """The partitions of a worker, once it has taken over all that it was assigned in the last rebalance."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if child.exit_code is not None:
            raise RuntimeError(f"the worker ended ({child.how_it_ended}): {child.last_line()}")
        assigned, taken = _owned(where, instance)
        if assigned and assigned == taken and len(assigned) < servers.PARTITIONS:
            return assigned
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{instance} did not own its share of the partitions within {_START_S:.0f} s")


def _lines(where: Path, instance: str) -> list[dict[str, object]]:
    path = where / "logs" / f"{instance}.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def _owned(where: Path, instance: str) -> tuple[set[int], set[int]]:
    assigned: set[int] = set()
    taken: set[int] = set()
    for line in _lines(where, instance):
        if line["event"] == "assigned":
            assigned, taken = {*_numbers(line["partitions"])}, set()
        elif line["event"] == "partition taken over":
            taken |= {*_numbers([line["partition"]])}
    return assigned, taken


def _numbers(found: object) -> list[int]:
    assert isinstance(found, list)
    return [int(each) for each in found]


def _timeline(where: Path, leaving: str, staying: str, told: float) -> list[str]:
    """What both said from the signal on, ms after it (`told`: seconds since the epoch)."""
    said = [(line, name) for name in (leaving, staying) for line in _lines(where, name)]
    moments = [(_seconds(line) - told, name, line) for line, name in said if _seconds(line) >= told]
    return [f"{after * 1000:5.0f} ms  {name}: {_words(line)}" for after, name, line in sorted(moments, key=_first)]


def _first(moment: tuple[float, str, dict[str, object]]) -> float:
    return moment[0]


def _seconds(line: dict[str, object]) -> float:
    return datetime.fromisoformat(str(line["timestamp"])).timestamp()


def _words(line: dict[str, object]) -> str:
    details = (f"{name} {line[name]}" for name in ("partition", "partitions", "milliseconds", "detail") if name in line)
    return ", ".join((str(line["event"]), *details))
