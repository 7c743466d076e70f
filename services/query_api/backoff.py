"""The pauses between attempts: longer each time, never the same in two processes, ended by the request to stop."""

import asyncio
import random
from typing import Final

_MOST_DOUBLINGS: Final = 16


class Backoff:
    def __init__(self, first_ms: int, last_ms: int) -> None:
        self._first_ms = first_ms
        self._last_ms = last_ms
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    async def pause(self, stop: asyncio.Event) -> None:
        longest = min(self._last_ms, self._first_ms << min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        try:
            async with asyncio.timeout(longest / 1000 * random.uniform(0.5, 1)):  # noqa: S311  # spreads retries
                await stop.wait()
        except TimeoutError:
            pass
