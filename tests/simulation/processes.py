"""Simulated processes under a supervisor: each ends by itself, is killed, or stands still, and is started anew."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from random import Random
from typing import Any, Final

import structlog

from libs.kafka.failures import Fenced, InstanceContested, TransactionExpired
from libs.kafka.memory import Broker, MemoryLog
from libs.service.clock import NANOSECONDS
from libs.service.failures import Transient
from libs.service.logging import Log
from libs.service.process import Process, S
from services.orderbook_worker.failures import PartitionStuck
from tests.simulation.loop import LINE, Line, SimulatedLoop

EXPECTED_ENDS: Final = (Fenced, TransactionExpired, InstanceContested, PartitionStuck, Transient)
"""What a fault may end a process with. Everything else says that something is broken that no fault may break."""
_RESTART_S: Final = (0.05, 1.0)


class SkewedClock:
    """The log's time, and how far this machine's clock is from it."""

    def __init__(self, broker: Broker, ahead_s: float) -> None:
        self._time = broker.time
        self._ahead_ns = int(ahead_s * NANOSECONDS)

    def now(self) -> int:
        return self._time.now() + self._ahead_ns


class Simulated(Process[S]):
    """A process whose chassis has no collector to tune."""

    def settle(self) -> None:
        return


class Machine:
    """One place where a process of a kind runs. `begin` makes the work of a new process, in that process's context."""

    def __init__(
        self, name: str, broker: Broker, loop: SimulatedLoop, chance: Random, failed: Callable[[str], None]
    ) -> None:
        self.name = name
        self.broker = broker
        self.log = MemoryLog(broker)
        self.line = Line(name)
        self.stopped = False
        self.starts = 0
        self.ends: list[str] = []
        """What each process before this one ended with."""
        self.clock = SkewedClock(broker, chance.uniform(-0.3, 0.3))
        self.begin: Callable[[], Coroutine[Any, Any, None]]
        self.died: Callable[[Line], None] = lambda _line: None
        """Told of each death: what the world drops when a process is gone."""
        self.running: Process[Any] | None = None
        self._loop = loop
        self._chance = chance
        self._failed = failed
        self._outside = copy_context()

    @property
    def alive(self) -> bool:
        return self.starts > 0 and not self.line.dead

    def process(self, settings: S) -> Process[S]:
        chance = random.Random(self._chance.getrandbits(64))
        made = Simulated(self.name, settings, _SILENT, self.clock, chance)
        self.running = made
        return made

    def start(self) -> None:
        if self.stopped:
            return
        self.line = Line(self.name)
        self.log = MemoryLog(self.broker)
        self.starts += 1
        self.context = self._outside.copy()
        self.context.run(LINE.set, self.line)
        work = self._loop.create_task(self._live(), context=self.context)
        work.add_done_callback(self._ended, context=self._outside)

    def kill(self) -> None:
        """As SIGKILL does."""
        if self.alive:
            self._loop.kill(self.line)
            self.log.crash()
            self._gone("killed")

    def freeze(self) -> None:
        """As SIGSTOP does."""
        if self.alive and not self.line.frozen:
            self._loop.freeze(self.line)
            self.log.crash()

    def light(self, steps: int) -> None:
        """Kill it so many callbacks from now."""
        self.line.blown = self.kill
        self.line.fuse = steps

    def tell_to_stop(self) -> None:
        """As SIGTERM does."""
        if self.alive and self.running is not None:
            self.running.stop.set()

    def thaw(self) -> None:
        if self.alive and self.line.frozen:
            self.log.recover()
            self._loop.thaw(self.line)

    async def _live(self) -> None:
        await self.begin()

    def _ended(self, work: "asyncio.Task[None]") -> None:
        if self.line.dead:
            return
        error = None if work.cancelled() else work.exception()
        self._loop.kill(self.line)
        if error is not None and not isinstance(error, EXPECTED_ENDS):
            self._failed(f"{self.name} ended with {type(error).__name__}: {error}")
        self._gone(type(error).__name__)

    def _gone(self, why: str) -> None:
        self.ends.append(why)
        self.died(self.line)
        self._loop.call_later(self._chance.uniform(*_RESTART_S), self.start, context=self._outside)


_SILENT: Final[Log] = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50)).bind()
