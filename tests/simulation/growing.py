"""Growth in a simulated exchange: the operator's command on a machine of its own, and who lists a product meanwhile.

The command is killed, frozen and started again like everything else. Before its end the product may be refused, and
goes to its old home or nowhere; behind it, it is listed for good, and traded on.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from cli.growth import Growth
from cli.problem import CannotDo
from libs.access.caller import Caller
from libs.events import topics
from libs.events.partitioning import home
from libs.service.failures import Transient
from tests.simulation.loop import pass_time
from tests.simulation.traders import Client, Operator, Trader

if TYPE_CHECKING:
    from tests.simulation.processes import Machine
    from tests.simulation.world import World

GROWTH: Final = "growth"
"""As the faults of a run are counted."""
WAIT_S: Final = 20.0
_SHARE: Final = 0.2
"""Of all runs."""
_LARGER: Final = (3, 4)


def size_after(seed: int, before: int) -> int:
    """How many partitions a run has in the end."""
    chance = Random(f"{seed} growth")
    return chance.choice(_LARGER) if chance.random() < _SHARE else before


async def grow(world: "World", machine: "Machine", partitions: int) -> None:
    """Raises Transient for what a second attempt mends."""
    chance = Random(machine.clock.now())
    log, found = machine.log, SimulatedTopics(world, chance)
    try:
        await Growth(log, found, machine.clock, WAIT_S, lambda _: None, chance.getrandbits).to(partitions)
    except CannotDo as error:
        raise Transient(str(error)) from error


class SimulatedTopics:
    """Those of the log, each of which takes its time to grow."""

    def __init__(self, world: "World", chance: Random) -> None:
        self._broker = world.broker
        self._chance = chance

    async def counts(self) -> Mapping[str, int]:
        return {name: len(self._broker.topic(name)) for name in topics.PARTITIONED}

    async def grow(self, names: Sequence[str], partitions: int) -> None:
        for name in names:
            await pass_time(self._chance.uniform(0.0, 0.1))
            if len(self._broker.topic(name)) < partitions:
                self._broker.grow_topic(name, partitions)


class Lister(Operator):
    """Lists one product again and again while the exchange grows, and once behind it."""

    def __init__(self, world: "World", chance: Random) -> None:
        super().__init__(world, chance)
        self.account = "lister"
        self.who = Caller(self.account, operator=True)
        self.trader = Trader(world, "follower", Random(chance.random()), [self.product])

    @property
    def product(self) -> str:
        """One that belongs to a new partition."""
        before, after = self._world.size_before, self._world.size_after
        return next(name for at in range(100) if home(name := f"G{at}-USD", after) >= before)

    @property
    def clients(self) -> list[Client]:
        return [self, self.trader]

    async def run_beside(self) -> None:
        while not self._world.grown.is_set():
            await pass_time(self._chance.uniform(0.05, 0.5))
            await self._list(self.product)
        await self._list(self.product)
        await self.trader.run()
