"""Everything that goes wrong, drawn from the seed: where the log, Redis and Postgres are reached, and at moments of its own.

A run has some kinds of faults and not others, so that rare ones are not drowned by frequent ones. Once `quiet`, all is
well again, and stays so: what has not come right then never will.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from libs.events import topics
from libs.kafka.failures import Aborted, LogUnavailable, NotPublished, PublishUnknown
from libs.kafka.limits import Limits
from libs.kafka.memory import Point
from tests.simulation.loop import LINE, pass_time

if TYPE_CHECKING:
    from tests.simulation.processes import Machine
    from tests.simulation.world import World

KINDS: Final = (
    "kill at a point", "kill at a step", "freeze", "abort", "not published", "unknown", "late publish", "log away",
    "log answers no", "fence", "redis away", "redis lost", "postgres slow", "postgres away", "postgres crash", "stop",
    "join", "offsets forgotten", "slow", "zombie",
)  # fmt: skip
_TRANSACTION: Final = frozenset((Point.BEGIN, Point.SENT, Point.END))
_TAKE_OVER: Final = frozenset((Point.CONNECT, Point.ASK, Point.POLL))
_MOST_TAKE_OVER_STEPS: Final = 8
_LAST_THAW_S: Final = 0.3
"""Behind the end of the session, where nobody takes over."""
_QUIET_CHANCE: Final = 0.08
"""Of a run without any fault: what fails there needs none."""
_MOST_AT_POINTS: Final = 6
_MOST_MOMENTS: Final = 7
_SPAN_S: Final = 2.5
_LONGEST_FREEZE_S: Final = 4.0
_STEPS: Final = 1_500
LIMITS: Final = Limits(session_timeout_s=2.0, transaction_timeout_s=3.0, commit_timeout_s=2.4)
"""Shorter than in the field, so that what is waited for happens in few seconds."""
_POINTS: Final[dict[Point, float]] = {
    Point.POLL: 0.004,
    Point.CONNECT: 0.06,
    Point.ASK: 0.05,
    Point.BEGIN: 0.04,
    Point.SENT: 0.05,
    Point.END: 0.05,
    Point.ENDED: 0.05,
    Point.PUBLISH: 0.04,
    Point.PUBLISHED: 0.05,
}
"""How often something happens where it may."""


class Chaos:
    """The log's `Faults`, and what the stores wait for."""

    def __init__(self, chance: Random, world: "World") -> None:
        self.counts: Counter[str] = Counter()
        self.quiet = False
        self._chance = chance
        self._world = world
        none = chance.random() < _QUIET_CHANCE
        share = chance.uniform(0.15, 0.6)
        self.kinds = frozenset() if none else frozenset(kind for kind in KINDS if chance.random() < share)
        self._left = chance.randint(0, _MOST_AT_POINTS)
        self._slow_postgres = False
        self._zombie: Machine | None = None
        self._steps_to_thaw = 0

    def has(self, kind: str) -> bool:
        return kind in self.kinds and not self.quiet

    async def reach(self, point: Point, name: str) -> None:
        """What the twin of the log asks at each of its points."""
        await self._hop()
        chance = self._chance
        machine = self._world.machine_of(LINE.get(None))
        if self._zombie is not None and machine is not None and self._takes_over(machine, point, name):
            self._thaw_in_time(self._zombie)
        if self.quiet or self._left <= 0 or chance.random() > _POINTS[point]:
            return
        if "kill at a point" in self.kinds and machine is not None and chance.random() < 0.5:
            self._note("kill at a point")
            machine.kill()
            await asyncio.get_running_loop().create_future()
        elif point in _TRANSACTION and "zombie" in self.kinds and machine is not None and chance.random() < 0.5:
            self._note("zombie")
            await self._outlive(machine)
        elif point in _TRANSACTION and "abort" in self.kinds:
            self._note("abort")
            raise Aborted("simulated")
        elif point is Point.PUBLISH and "not published" in self.kinds:
            self._note("not published")
            raise NotPublished(name, 0, 0, "simulated")
        elif point is Point.PUBLISHED and "unknown" in self.kinds and name == topics.ORDERS:
            self._note("unknown")
            raise PublishUnknown(name, 0, 0, "simulated")
        elif point in {Point.ASK, Point.CONNECT, Point.POLL} and "log answers no" in self.kinds:
            self._note("log answers no")
            raise LogUnavailable("simulated")

    async def _outlive(self, machine: "Machine") -> None:
        """It stands still in the middle of a transaction, and goes on while another worker takes over."""
        machine.freeze()
        self._zombie, self._steps_to_thaw = machine, self._chance.randint(1, _MOST_TAKE_OVER_STEPS)
        passed = LIMITS.session_timeout_s + _LAST_THAW_S
        asyncio.get_running_loop().call_later(passed, machine.thaw, context=self._world.outside.copy())
        await pass_time(0.0)

    def _takes_over(self, machine: "Machine", point: Point, name: str) -> bool:
        """Whether this is a step of another worker on its way to a partition."""
        wanted = {
            topics.ORDER_EVENTS,
            topics.BOOK_SNAPSHOTS,
            *map(self._world.transactional_id, range(self._world.partitions)),
        }
        return (
            machine is not self._zombie
            and machine.name in self._world.workers
            and point in _TAKE_OVER
            and name in wanted
        )

    def _thaw_in_time(self, zombie: "Machine") -> None:
        self._steps_to_thaw -= 1
        if self._steps_to_thaw <= 0:
            self._zombie = None
            zombie.thaw()

    async def redis(self) -> None:
        await self._hop()

    async def postgres(self) -> None:
        """Raises what a driver raises while nobody listens."""
        if self._world.postgres_away:
            raise ConnectionRefusedError("simulated")
        if self._slow_postgres:
            await pass_time(self._chance.uniform(0.02, 0.25))
        else:
            await self._hop()

    def late_publish(self) -> float | None:
        """Seconds that a publish takes to arrive, which its sender does not wait for."""
        if self.has("late publish") and self._chance.random() < 0.05:
            self._note("late publish")
            return self._chance.uniform(0.0, 1.5)
        return None

    async def run(self) -> None:
        """Faults at moments of their own, then all is well."""
        acts = {name: act for name, act in self._acts().items() if name in self.kinds}
        times = sorted(self._chance.uniform(0.1, _SPAN_S) for _ in range(self._chance.randint(1, _MOST_MOMENTS)))
        loop = asyncio.get_running_loop()
        ends = []
        for time in times if acts else ():
            await pass_time(max(0.0, time - loop.time()))
            name = self._chance.choice(sorted(acts))
            self._note(name)
            ends.append(loop.create_task(acts[name]()))
        for end in ends:
            await end
        self.quiet = True

    def _acts(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        return {
            "kill at a step": self._kill,
            "freeze": self._freeze,
            "log away": self._log_away,
            "fence": self._fence,
            "redis away": self._redis_away,
            "redis lost": self._redis_lost,
            "postgres slow": self._postgres_slow,
            "postgres away": self._postgres_away,
            "postgres crash": self._postgres_crash,
            "stop": self._stop,
            "join": self._join,
            "offsets forgotten": self._forget_offsets,
        }

    async def _kill(self) -> None:
        """One process or several at once, so many callbacks from now."""
        machines = self._some(self._world.machines)
        for machine in machines:
            machine.light(self._chance.randint(1, _STEPS))
        await pass_time(0.3)

    async def _freeze(self) -> None:
        machines = self._some(self._world.machines)
        for machine in machines:
            machine.freeze()
        await pass_time(self._chance.uniform(0.05, _LONGEST_FREEZE_S))
        for machine in machines:
            machine.thaw()

    async def _log_away(self) -> None:
        broker = self._world.broker
        broker.away = True
        await pass_time(self._chance.uniform(0.02, 2.0))
        broker.away = False
        broker.notify()

    async def _fence(self) -> None:
        """Somebody else starts a writer of a partition's id, and dies at once."""
        partition = self._chance.randrange(self._world.partitions)
        self._world.broker.transactions.take(self._world.transactional_id(partition))
        self._world.broker.notify()

    async def _redis_away(self) -> None:
        self._world.repeats.away = True
        await pass_time(self._chance.uniform(0.02, 1.0))
        self._world.repeats.away = False

    async def _redis_lost(self) -> None:
        self._world.lose_redis()

    async def _postgres_slow(self) -> None:
        self._slow_postgres = True
        await pass_time(self._chance.uniform(0.2, 1.5))
        self._slow_postgres = False

    async def _postgres_away(self) -> None:
        self._world.postgres_away = True
        self._world.postgres.crash(0)
        await pass_time(self._chance.uniform(0.02, 1.5))
        self._world.postgres_away = False

    async def _postgres_crash(self) -> None:
        self._world.postgres.crash(self._chance.randrange(4))

    async def _stop(self) -> None:
        """A restart as an operator does it: told, not killed."""
        self._chance.choice(self._world.machines).tell_to_stop()

    async def _join(self) -> None:
        """A worker more, for a while."""
        spare = self._world.spare_worker()
        await pass_time(self._chance.uniform(0.1, 1.5))
        if self._chance.random() < 0.5:
            spare.stopped = True
            spare.tell_to_stop()

    async def _forget_offsets(self) -> None:
        self._world.broker.forget_offsets(self._world.group)

    def _some(self, machines: "Sequence[Machine]") -> "list[Machine]":
        return self._chance.sample(list(machines), self._chance.choice((1, 1, 1, 2, 3)))

    async def _hop(self) -> None:
        """A way over the network: short, and seldom long."""
        drawn = self._chance.random()
        if drawn < 0.3:
            return
        slow = drawn > 0.98 and self.has("slow")
        if slow:
            self.counts["slow"] += 1
        await pass_time(self._chance.uniform(0.05, 0.5) if slow else drawn * 0.003)

    def _note(self, kind: str) -> None:
        self.counts[kind] += 1
        self._left -= 1
