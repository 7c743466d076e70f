"""A row: one of two workers is told to stop while all partitions trade. How long does each stand still?

From the last command of a partition that a committed reader sees from the old owner to the first one from the new:
the longest gap between two commits around the signal. Both workers' partitions stand still, since rebalances are
eager; those that change hands stand still longer.
"""

import asyncio
import time
from typing import Final

from tests.benchmarks import servers
from tests.benchmarks.members import program, settled, timeline
from tests.benchmarks.table import Figure, milliseconds, quantile
from tests.benchmarks.trading import trading

_RESTING: Final = 5_000
"""Orders of each partition."""
_WARM_S: Final = 6.0
_AFTER_S: Final = 6.0
_ROUNDS: Final = 3
_STOP_S: Final = 10.0


async def measure(_seconds: float) -> list[Figure]:
    moved: list[float] = []
    stayed: list[float] = []
    words: list[str] = []
    async with (
        servers.directory() as where,
        servers.servers(where) as addresses,
        trading(addresses, [_RESTING] * servers.PARTITIONS) as seen,
    ):
        for number in range(_ROUNDS):
            leaving, staying = f"bench-{number}-leaves", f"bench-{number}-stays"
            async with servers.running(program(where, addresses, staying)) as other:
                async with servers.running(program(where, addresses, leaving)) as child:
                    owned = await settled(where, leaving, child)
                    await asyncio.sleep(_WARM_S)
                    told, when = time.monotonic(), time.time()
                    if not await child.stop(_STOP_S):
                        raise RuntimeError(f"the worker did not stop within {_STOP_S:.0f} s: {child.last_line()}")
                    await asyncio.sleep(_AFTER_S)
                for partition in seen.at:
                    gaps = moved if partition in owned else stayed
                    gaps.append(seen.longest(partition, told, time.monotonic()))
                words = timeline(where, (leaving, staying), when)
                await other.stop(_STOP_S)
    return [_figure("changed hands", moved, words), _figure("stayed", stayed, [])]


def _figure(what: str, gaps: list[float], notes: list[str]) -> Figure:
    gaps = sorted(gaps)
    measured = f"{milliseconds(quantile(gaps, 0.5))} median, {milliseconds(gaps[-1])} longest"
    return Figure(f"hand-over, {len(gaps)} partitions that {what}", measured, notes=tuple(notes))
