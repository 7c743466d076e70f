"""The only place where the twin waits: for a future, and no longer than so many seconds of the given time."""

import asyncio
import heapq
from typing import Protocol

from libs.service.clock import NANOSECONDS

_EPOCH_NS = 1_700_000_000 * NANOSECONDS
_SETTLE_TURNS = 50


class Time(Protocol):
    """A clock that can be waited on; `libs.service.clock.Clock` is the part of it that services see."""

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        ...

    async def wait(self, future: "asyncio.Future[None]", seconds: float) -> None:
        """Until the future is done or `seconds` have passed. The future is not cancelled."""
        ...


class LoopTime:
    """The event loop's time, from a fixed epoch: real on a usual loop, virtual on a loop whose time is."""

    def now(self) -> int:
        return _EPOCH_NS + int(asyncio.get_running_loop().time() * NANOSECONDS)

    async def wait(self, future: "asyncio.Future[None]", seconds: float) -> None:
        await asyncio.wait({future}, timeout=max(seconds, 0.0))


class VirtualTime:
    """Stands still until a test moves it."""

    def __init__(self, now: int = _EPOCH_NS) -> None:
        self._now = now
        self._timers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> int:
        return self._now

    async def wait(self, future: "asyncio.Future[None]", seconds: float) -> None:
        if seconds <= 0 or future.done():
            await asyncio.sleep(0)
            return
        timer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._timers, (self._now + int(seconds * NANOSECONDS), self._count, timer))
        try:
            await asyncio.wait({future, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Move on, stopping at every timer that is due on the way, so that effects keep their order."""
        end = self._now + int(seconds * NANOSECONDS)
        await self._settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            if not timer.done():
                self._now = max(self._now, due)
                timer.set_result(None)
                await self._settle()
        self._now = end

    async def _settle(self) -> None:
        """Let everything run that can run without time."""
        for _ in range(_SETTLE_TURNS):
            await asyncio.sleep(0)
