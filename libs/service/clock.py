"""Time comes in as a value: services ask a clock, tests move one."""

import time
from typing import Protocol

NANOSECONDS = 1_000_000_000


class Clock(Protocol):
    """Nanoseconds since the epoch, UTC."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns()


class VirtualClock:
    """Stands still until a test moves it."""

    def __init__(self, now: int = 1_700_000_000 * NANOSECONDS) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += int(seconds * NANOSECONDS)
