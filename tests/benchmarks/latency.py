"""Row 6: how long an order takes to each stage: at half of what the exchange is built for, and can do; and idle."""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tests.benchmarks import http_single, observer, paced, servers
from tests.benchmarks.child import finish, start
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.table import Figure, milliseconds, quantile

IDLE_RATE: Final = 50.0
"""Orders/s: the stages do not wait for each other then."""
STEADY_RATE: Final = 1_750.0
"""Orders/s: half of the single orders that two cores are to take, however fast the machine happens to be."""
_CONNECTIONS: Final = 128
_AFTER_S: Final = 3.0
_READY_S: Final = 30.0


class _Stage(NamedTuple):
    name: str
    seconds: Sequence[float]
    """Ascending."""

    def __str__(self) -> str:
        p50, p99 = quantile(self.seconds, 0.5), quantile(self.seconds, 0.99)
        return f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"


async def measure(exchange: Exchange, seconds: float) -> list[Figure]:
    half = await http_single.best_rate(exchange, seconds) / 2
    idle = await _stages(exchange, IDLE_RATE, seconds)
    figures: list[Figure] = []
    for rate in (STEADY_RATE, half):
        figures += [
            Figure(f"{stage.name}, at {rate:,.0f} orders/s", str(stage), f"{floor}: at {IDLE_RATE:.0f} orders/s")
            for stage, floor in zip(await _stages(exchange, rate, seconds), idle, strict=True)
        ]
    return figures


async def _stages(exchange: Exchange, rate: float, seconds: float) -> list[_Stage]:
    samples, seen = await _watched(exchange, rate, seconds)
    await drained(exchange.addresses)
    due, acknowledged = samples.due, samples.acknowledged
    committed = [seen.committed.get(identity) for identity in samples.ids]
    queryable = _queryable(samples, seen)
    stages = [
        _stage("sent to acknowledged", due, acknowledged),
        _stage("acknowledged to committed", acknowledged, committed),
        _stage("sent to committed", due, committed),
        _stage("acknowledged to queryable", acknowledged, queryable),
        _stage("sent to queryable", due, queryable),
    ]
    if samples.refused or len(stages[-1].seconds) < len(due):
        stages = [*stages, _Stage(f"({samples.refused} refused, {len(due) - len(stages[-1].seconds)} never seen)", ())]
    return stages


async def _watched(exchange: Exchange, rate: float, seconds: float) -> tuple[paced.Samples, observer.Seen]:
    async with servers.directory() as where:
        ready, addresses = where / "ready", exchange.addresses
        watch = observer.Task(addresses.kafka, addresses.postgres, seconds + _AFTER_S, str(ready))
        watching = asyncio.create_task(finish(start("observer"), "observer", watch, observer.Seen))
        try:
            async with asyncio.timeout(_READY_S):
                while not ready.exists() and not watching.done():
                    await asyncio.sleep(0.02)
            load = paced.Task(exchange.order_api, _CONNECTIONS, rate, seconds, fresh_tag(), list(exchange.products))
            samples = await finish(start("paced"), "paced", load, paced.Samples)
            return samples, await watching
        finally:
            watching.cancel()


def _stage(name: str, begins: Iterable[float], ends: Iterable[float | None]) -> _Stage:
    """An event that is read before the answer arrives counts as at once."""
    took = [max(0.0, end - begin) for begin, end in zip(begins, ends, strict=True) if end is not None]
    return _Stage(name, sorted(took))


def _queryable(samples: paced.Samples, seen: observer.Seen) -> list[float | None]:
    """When the read side had passed each command."""
    times: dict[int, list[float]] = {}
    offsets: dict[int, list[int]] = {}
    for at, partition, offset in seen.moves:
        times.setdefault(partition, []).append(at)
        offsets.setdefault(partition, []).append(offset)
    found: list[float | None] = []
    for partition, offset in zip(samples.partitions, samples.offsets, strict=True):
        passed = bisect_left(offsets.get(partition, []), offset)
        found.append(times[partition][passed] if passed < len(times.get(partition, [])) else None)
    return found
