"""One run from one seed: traders trade, faults happen, all is well again, everything comes to an end, and is judged."""

import asyncio
import gc
from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from libs.events import topics
from services.query_api.live import LiveBooks
from sim.check.difference import Difference
from tests.simulation.growing import Lister
from tests.simulation.loop import Deadlock, SimulatedLoop, pass_time
from tests.simulation.traders import Client, Operator, Trader
from tests.simulation.verdict import judge
from tests.simulation.world import PRODUCTS, World

SETTLE_S: Final = 60.0
"""Virtual, once no fault comes any more: twice what any time limit in it takes."""
LIMIT_S: Final = 600.0
MOST_STEPS: Final = 3_000_000
LOOK_S: Final = 0.05
_UNHEARD_OF: Final = -2


class Run(NamedTuple):
    """`failure` is empty when all was right. `trace` is the same whenever this seed runs on this code."""

    seed: int
    failure: str
    trace: int
    steps: int
    seconds: float
    """Virtual ones."""
    commands: int
    faults: dict[str, int]
    ends: dict[str, int]
    """What processes ended with, and how often."""


def simulate(seed: int) -> Run:
    loop = SimulatedLoop(Random(f"{seed} order"))
    world: list[World] = []
    gc.disable()  # one run makes little garbage that it does not hold anyway
    try:
        failure = _outcome(loop, _scenario(seed, loop, world))
        return _report(seed, failure, loop, world)
    finally:
        loop.abandon()
        loop.close()
        asyncio.set_event_loop(None)
        gc.enable()


def _outcome(loop: SimulatedLoop, scenario: Coroutine[Any, Any, None]) -> str:
    try:
        loop.run_until_complete(scenario)
    except Difference as difference:
        return str(difference)
    except Deadlock:
        return "everything waits, and no timer is set"
    return ""


async def _scenario(seed: int, loop: SimulatedLoop, made: list[World]) -> None:
    world = World(seed, loop)
    made.append(world)
    world.start()
    over = asyncio.Event()
    watch = loop.create_task(world.witness.run(over))
    clients, work = _clients(world)
    faults = loop.create_task(world.chaos.run())

    async def course() -> None:
        await asyncio.gather(*(loop.create_task(each) for each in work))
        await faults
        over.set()
        await watch
        await _settled(world)

    run = loop.create_task(course())
    await asyncio.wait({run, world.failed}, timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
    if run.done():
        run.result()
    elif not world.failures:
        raise Difference(f"not all was done within {LIMIT_S:.0f} s: {_where(world)}")
    world.stand_still()
    world.witness.look()
    await judge(world, clients)


def _clients(world: World) -> tuple[Sequence[Client], Sequence[Coroutine[Any, Any, None]]]:
    chance = Random(f"{world.seed} clients")
    products = PRODUCTS[: chance.randint(2, len(PRODUCTS))]
    operator = Operator(world, Random(chance.random()))
    names = [f"t{at}" for at in range(chance.randint(2, 4))]
    traders = [Trader(world, name, Random(chance.random()), products) for name in names]
    clients: list[Client] = [operator, *traders]
    work = [operator.run(products), *(trader.run() for trader in traders)]
    if world.grows:
        lister = Lister(world, Random(chance.random()))
        clients += lister.clients
        work.append(lister.run_beside())
    return clients, work


async def _settled(world: World) -> None:
    """Until every command has its outcome, in the log, in Postgres and in each live book."""
    try:
        async with asyncio.timeout(SETTLE_S):
            while not _is_settled(world):
                await pass_time(LOOK_S)
    except TimeoutError:
        raise Difference(f"it does not come to an end: {_where(world)}") from None


def _is_settled(world: World) -> bool:
    world.witness.look()
    return (
        not world.carried
        and len(world.live) == len(world.queries)
        and not _anything_waits(world)
        and all(ends == [ends[0]] * len(ends) for ends in _where(world).values())
    )


def _anything_waits(world: World) -> bool:
    """Commands that were put off, as their owners know it; or a partition without one."""
    workers = world.workers.values()
    lanes = [lane for worker in workers for lane in worker._lanes.values()]
    owned = {lane.partition for lane in lanes}
    return len(owned) < world.partitions or any(lane.engine.state.parked for lane in lanes)


def _where(world: World) -> dict[int, list[int]]:
    """By partition: the last command, the last decided one, the last in Postgres, and in each live book."""
    found: dict[int, list[int]] = {}
    for partition, log in enumerate(world.broker.log_of(topics.ORDERS)):
        seen = world.witness.seen.get(partition, [])
        row = world.postgres.moment["projection_offsets"].get((partition,))
        found[partition] = [
            log.bounds(committed=False).end - 1,
            seen[-1].event.command_offset if seen else -1,
            -1 if row is None else row["command_offset"],
            *(_shown(live, partition) for live in world.live.values()),
        ]
    return found


def _shown(live: LiveBooks, partition: int) -> int:
    tail = live.tails.get(partition)
    return _UNHEARD_OF if tail is None else tail.state.command_offset


def _report(seed: int, failure: str, loop: SimulatedLoop, made: Sequence[World]) -> Run:
    commands, faults, ends = 0, dict[str, int](), dict[str, int]()
    for world in made:
        commands = sum(log.bounds(committed=False).end for log in world.broker.log_of(topics.ORDERS))
        faults = dict(world.chaos.counts)
        for machine in world.machines:
            for end in machine.ends:
                ends[end] = ends.get(end, 0) + 1
    return Run(seed, failure, loop.trace, loop.steps, loop.time(), commands, faults, ends)
