"""Time passes also where no command comes: when something is due, the partition's owner writes `AdvanceTime` to `orders`.

The command carries no time. Its append time counts, so every owner after this one decides the same. It is one command
like any other, so what it lacks in exactness is harmless: one that comes too early changes nothing and is followed by
another, one that is there twice does nothing the second time. At most one is unanswered, and two are some time apart.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from libs.events import ids
from libs.events.codec import encode
from libs.events.commands import AdvanceTime
from libs.events.topics import ORDERS
from libs.events.values import NO_ID
from libs.kafka.ports import Entry, Publisher
from libs.service.clock import NANOSECONDS, Clock
from libs.service.failures import Transient
from libs.service.logging import Log as Logger

_NOBODY: Final = ""
"""The account of a command that nobody sent."""
_RANDOM_BITS: Final = 50
_TICK: Final = 1_000_000
"""ns: the log stamps whole milliseconds, rounded down."""


class Alarm:
    """Of one owned partition. `due` says when to ring, after every batch; the clocks of workers and log may differ."""

    def __init__(
        self,
        partition: int,
        publisher: Publisher,
        clock: Clock,
        logger: Logger,
        pause_s: float,
        look_s: float,
        bits: Callable[[int], int],
    ) -> None:
        """At least `pause_s` lie between two commands. The clock is looked at at least every `look_s`, for it may be
        set; after a failure so long passes. `bits` gives so many random ones."""
        self._partition = partition
        self._publisher = publisher
        self._clock = clock
        self._logger = logger
        self._pause_s = pause_s
        self._look_s = look_s
        self._bits = bits
        self._loop = asyncio.get_running_loop()
        self._deadline: int | None = None
        self._decided = -1
        """Of `orders`, the last offset that was decided."""
        self._unanswered = -1
        """The offset of the last command that was written."""
        self._not_before = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    def due(self, deadline: int | None, decided: int) -> None:
        """What is due next, in ns since the epoch, and the last command that was decided when that was known."""
        if deadline is not None:
            deadline = -(-deadline // _TICK) * _TICK
        answered = self._decided < self._unanswered <= decided
        self._decided = decided
        if answered or deadline != self._deadline:
            self._deadline = deadline
            self._set()

    def close(self) -> None:
        """Ring no more. What is on its way to the log may arrive there."""
        self._closed = True
        self._deadline = None
        self._unset()

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self._unset()
        if self._deadline is None or self._writing is not None or self._unanswered > self._decided:
            return
        left = max(0.0, (self._deadline - self._clock.now()) / NANOSECONDS, self._not_before - self._loop.time())
        self._timer = self._loop.call_later(min(left, self._look_s), self._look)

    def _look(self) -> None:
        self._timer = None
        assert self._deadline is not None, "a timer without a deadline is cancelled"
        if self._clock.now() < self._deadline or self._loop.time() < self._not_before:
            self._set()
            return
        self._not_before = self._loop.time() + self._pause_s
        self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        now = self._clock.now()
        command = AdvanceTime(
            ids.mint(now // 1_000_000, self._bits(_RANDOM_BITS), 0), _NOBODY, 0, NO_ID, "", 0, now, 0, None
        )
        try:
            (ack,) = await self._publisher.publish(ORDERS, self._partition, [Entry(None, encode(command))])
        except Transient as error:
            self._logger.warning("alarm not written", partition=self._partition, detail=str(error))
            self._not_before = self._loop.time() + self._look_s
        else:
            self._unanswered = ack.offset
        finally:
            self._writing = None
        if not self._closed:
            self._set()
