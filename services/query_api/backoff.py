"""The pauses between attempts: longer each time, never the same in two processes, ended by the request to stop."""

import asyncio
from random import Random
from typing import Final

from libs.service.waiting import until_set

_MOST_DOUBLINGS: Final = 16


class Backoff:
    def __init__(self, first_ms: int, last_ms: int, chance: Random) -> None:
        self._first_ms = first_ms
        self._last_ms = last_ms
        self._chance = chance
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    async def pause(self, stop: asyncio.Event) -> None:
        longest = min(self._last_ms, self._first_ms << min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        await until_set(stop, longest / 1000 * self._chance.uniform(0.5, 1))
