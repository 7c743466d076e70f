"""A row: the owner of a partition with 100,000 resting orders goes, in the middle of traffic. When is there the next commit?

From the last commit of the old owner to the first of the new, as a committed reader sees them. It goes in three ways:
* killed, and another worker takes over that never had the partition: it has no copy of a snapshot. The group waits for
  a silent member as long as its session is, 6 s;
* killed, and started again at once under its instance id, as a supervisor does;
* told to stop.
The first and the last once more with workers that keep warm copies of each other's partitions.

In a group the partition goes to the first member by name: each worker is started with a later name than the one before.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from deploy.local.child import Child
from deploy.local.servers import Addresses
from tests.benchmarks import servers
from tests.benchmarks.members import program, settled, steps, timeline
from tests.benchmarks.table import Figure, milliseconds, quantile
from tests.benchmarks.trading import Seen, trading

_LARGE: Final = 0
"""The partition whose book is."""
_RESTING: Final = tuple(100_000 if partition == _LARGE else 1_000 for partition in range(servers.PARTITIONS))
_ROUNDS: Final = 3
_WARM_S: Final = 8.0
"""Longer than a period of snapshots, so that what is to be folded is as much as in a long run."""
_SNAPSHOT_MS: Final = 6_000
_AFTER_S: Final = 8.0
"""Longer than the session of a member that was killed."""
_BEHIND: Final = 100
"""Commands: two seconds of them."""
_LIMIT_S: Final = 90.0
_LOOK_S: Final = 0.1


class _Members:
    """Workers of one kind by name; the first of those that run owns the large partition."""

    def __init__(self, where: Path, addresses: Addresses, running: AsyncExitStack, kind: str, **told: str) -> None:
        self._where = where
        self._addresses = addresses
        self._running = running
        self._kind = kind
        self._told = told | {"OUTCRY_SNAPSHOT_EVERY_MS": str(_SNAPSHOT_MS)}
        self._children: dict[str, Child] = {}
        self._number = 0

    @property
    def owner(self) -> str:
        return min(self._children)

    async def join(self) -> None:
        """One more, with nothing of its own; returns when it and the owner have their shares."""
        self._number += 1
        await self._start(f"{self._kind}-{self._number:03}")
        for name, child in self._children.items():
            if len(self._children) > 1:
                await settled(self._where, name, child)

    async def _start(self, name: str) -> None:
        made = program(self._where, self._addresses, name, **self._told)
        self._children[name] = await self._running.enter_async_context(servers.running(made))

    async def killed(self) -> None:
        self._children.pop(self.owner).kill()

    async def killed_and_started(self) -> None:
        name = self.owner
        await self.killed()
        await self._start(name)

    async def stopped(self) -> None:
        child = self._children.pop(self.owner)
        if not await child.stop(_LIMIT_S):
            raise RuntimeError(f"the worker did not stop within {_LIMIT_S:.0f} s: {child.last_line()}")

    async def leave(self) -> None:
        while self._children:
            await self.stopped()

    def said(self, began: float) -> list[str]:
        return timeline(self._where, sorted(self._children), began)

    def steps(self) -> dict[str, object]:
        """ms of each step of the owner's last take-over of the large partition."""
        return steps(self._where, self.owner, _LARGE)


async def measure(_seconds: float) -> list[Figure]:
    async with (
        servers.directory() as where,
        servers.servers(where) as addresses,
        trading(addresses, _RESTING) as seen,
        AsyncExitStack() as running,
    ):
        cold = _Members(where, addresses, running, "cold")
        await cold.join()
        figures = [
            await _figure("killed, another goes on", cold, seen, cold.killed),
            await _figure("killed and started again", cold, seen, cold.killed_and_started),
            await _figure("told to stop", cold, seen, cold.stopped),
        ]
        await cold.leave()
        warm = _Members(where, addresses, running, "warm", OUTCRY_WARM_COPIES=str(servers.PARTITIONS))
        await warm.join()
        figures += [
            await _figure("killed, a warm one goes on", warm, seen, warm.killed),
            await _figure("told to stop, a warm one goes on", warm, seen, warm.stopped),
        ]
        await warm.leave()
        return figures


async def _figure(what: str, members: _Members, seen: Seen, goes: Callable[[], Awaitable[None]]) -> Figure:
    gaps: list[float] = []
    notes: list[str] = []
    when = time.time()
    for _ in range(_ROUNDS):
        if goes != members.killed_and_started or not gaps:
            await members.join()
        await _keeps_up(seen)
        await asyncio.sleep(_WARM_S)
        began, when = time.monotonic(), time.time()
        await goes()
        await asyncio.sleep(_AFTER_S)
        await _keeps_up(seen)
        gaps.append(seen.longest(_LARGE, began, time.monotonic()))
        notes.append(f"{milliseconds(gaps[-1])}, of which its take-over, in ms: {members.steps()}")
    said = members.said(when)
    gaps.sort()
    measured = f"{milliseconds(quantile(gaps, 0.5))} median, {milliseconds(gaps[-1])} longest"
    return Figure(f"take-over, {_RESTING[_LARGE]:,} orders, {what}", measured, notes=(*notes, *said))


async def _keeps_up(seen: Seen) -> None:
    """Until nearly all that the large partition was asked is answered."""
    deadline = time.monotonic() + _LIMIT_S
    while seen.asked[_LARGE] - seen.answered[_LARGE] > _BEHIND:
        if time.monotonic() > deadline:
            raise TimeoutError(f"partition {_LARGE} is behind for {_LIMIT_S:.0f} s")
        await asyncio.sleep(_LOOK_S)
