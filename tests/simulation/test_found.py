"""What the simulation has found, each as the shortest run that shows it."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from libs.events.topics import ORDER_EVENTS, PRODUCTS
from libs.kafka.memory import Broker, LoopTime, MemoryLog
from libs.service.process import Process
from services.read_model_builder.projector import Projector
from services.read_model_builder.settings import BuilderSettings
from tests.simulation.loop import SimulatedLoop, pass_time
from tests.simulation.postgres.server import Server
from tests.simulation.processes import Machine
from tests.unit.read_model.stage import publish
from tests.unit.read_model.traffic import Traffic

LIMIT_S = 30.0


def simulated(scenario: Callable[[SimulatedLoop], Coroutine[Any, Any, None]]) -> None:
    loop = SimulatedLoop(Random(1))
    try:
        loop.run_until_complete(scenario(loop))
    finally:
        loop.abandon()
        loop.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await pass_time(0.05)


def test_what_postgres_lost_in_a_crash_is_projected_again_though_nothing_comes() -> None:
    """The projector waited for events, and did not see that its connection was gone."""

    async def scenario(loop: SimulatedLoop) -> None:
        broker, server, failures = Broker(LoopTime()), Server(), list[str]()
        for topic in (ORDER_EVENTS, PRODUCTS):
            broker.create_topic(topic, 1)
        traffic = Traffic()
        traffic.run(50)
        await publish(MemoryLog(broker), 0, traffic.events)

        def projected() -> bool:
            row = server.moment["projection_offsets"].get((0,))
            return row is not None and row["next_seq"] == traffic.state.seq + 1

        machine = Machine("builder", broker, loop, Random(1), failures.append)
        process: Process[BuilderSettings] = machine.process(BuilderSettings(batch_events=20))
        machine.begin = Projector(process, machine.log, server).run
        machine.start()
        await until(projected)
        server.crash(lost=2)
        assert not projected()
        await until(projected)
        assert not failures

    simulated(scenario)
