"""An event loop for many processes in one thread: time is virtual, and who runs next is drawn from a seed.

Each process has its own line of callbacks, which keeps the order that asyncio promises; between the lines any order may
happen, as between processes of a machine. A callback belongs to the process in whose context it was made. A process
that is killed loses its line there and then: no `finally` runs, nobody is told. One that is frozen keeps it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

_STEP_S: Final = 0.000_02
"""What a callback takes: so whoever only turns in a circle does not stop the clock."""
_TRACE_BITS: Final = (1 << 64) - 1
_CLOSINGS: Final = 20
"""So often a coroutine that is left behind may wait once more while it is closed."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Work = Coroutine[Any, Any, T] | Generator[Any, None, T]


class Line:
    """What one process has to do."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready: deque[asyncio.Handle] = deque()
        self.dead = False
        self.frozen = False
        self.waits_for_turn = False
        self.fuse = -1
        """So many callbacks on, `blown` is called: how a crash comes at any await there is."""
        self.blown: Callable[[], None] = lambda: None


class Deadlock(Exception):
    """Nobody has anything to do, and no timer is set."""


LINE: Final[ContextVar[Line]] = ContextVar("line")


class SimulatedLoop(asyncio.BaseEventLoop):
    """Starts at 0. `trace` depends on everything that ran so far, and in which order."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.trace = 0
        self.steps = 0
        self._chance = chance.random
        self._now = 0.0
        self._outside = Line("outside")
        self._turns: list[Line] = []
        """Lines that have something to do and may."""
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timer_count = 0
        self._begun: list[asyncio.Task[Any]] = []
        """Kept to the end: what is collected while it waits runs on, at a time that no seed says."""
        self.set_exception_handler(lambda _loop, _context: None)  # whoever waits for a failure hears of it

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timer_count += 1
        heappush(self._timers, (when, self._timer_count, handle))
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_task(self, coro: Work[T], *, name: object = None, context: Context | None = None) -> asyncio.Task[T]:
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self, name="" if name is None else str(name), context=context)
        self._begun.append(task)
        return task

    def kill(self, line: Line) -> None:
        line.dead = True
        line.ready.clear()
        self._withdraw(line)

    def freeze(self, line: Line) -> None:
        line.frozen = True
        self._withdraw(line)

    def thaw(self, line: Line) -> None:
        line.frozen = False
        self._give_turn(line)

    def abandon(self) -> None:
        """Close every coroutine that still waits, so that none is left to the collector. Only when nothing is wanted of it."""
        asyncio._set_running_loop(self)  # for what they begin while they are closed, which is closed in its turn
        for task in self._begun:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # they are pending, and meant to be
                _close(task.get_coro())
        asyncio._set_running_loop(None)
        self._begun.clear()
        self._timers.clear()

    def _enqueue(self, handle: asyncio.Handle) -> None:
        line = handle._context.get(LINE, self._outside)  # type: ignore[attr-defined]  # no other way to know whose it is
        if not line.dead:
            line.ready.append(handle)
            self._give_turn(line)

    def _give_turn(self, line: Line) -> None:
        if line.ready and not line.waits_for_turn and not line.frozen and not line.dead:
            line.waits_for_turn = True
            self._turns.append(line)

    def _withdraw(self, line: Line) -> None:
        if line.waits_for_turn:
            line.waits_for_turn = False
            self._turns.remove(line)

    def _run_once(self) -> None:
        timers, turns = self._timers, self._turns
        if not turns:
            if not timers:
                raise Deadlock
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            _, _, timer = heappop(timers)
            if not timer.cancelled():
                self._enqueue(timer)
        if not turns:
            return
        place = int(self._chance() * len(turns))
        line = turns[place]
        handle = line.ready.popleft()
        if not line.ready:
            line.waits_for_turn = False
            turns[place] = turns[-1]
            turns.pop()
        if not handle.cancelled():
            self._now += _STEP_S
            self.steps += 1
            self.trace = (self.trace * 1_000_003 + place + len(turns) * 31 + int(self._now * 1_000_000)) & _TRACE_BITS
            handle._run()
            line.fuse -= 1
            if line.fuse == 0:
                line.blown()

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """What is collected is not closed by a task of its own: that would run whenever the collector does."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when it is due."""


async def pass_time(seconds: float) -> None:
    """Let so much virtual time pass."""
    loop = asyncio.get_running_loop()
    passed: asyncio.Future[None] = loop.create_future()
    loop.call_later(seconds, _set, passed)
    await passed


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _close(work: Any) -> None:
    for _ in range(_CLOSINGS):
        try:
            work.close()
        except (Exception, asyncio.CancelledError):  # noqa: BLE001  # it is of nobody's concern any more
            continue
        return
