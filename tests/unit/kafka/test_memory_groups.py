"""The twin's groups under a virtual clock: sessions end when they must, and stuck members find out."""

import asyncio

from libs.kafka.memory import MemoryLog
from libs.kafka.memory.readers import MemoryGroupReader
from tests.contract.logs import Recorder
from tests.unit.kafka.worlds import TOPIC, World, run, world


async def member(here: World, instance: str, log: MemoryLog | None = None) -> tuple[MemoryGroupReader, Recorder]:
    made, recorder = (log or MemoryLog(here.broker)).group(TOPIC, "group", instance), Recorder()
    assert isinstance(made, MemoryGroupReader)
    await made.start(recorder)
    await here.time.advance(0)
    return made, recorder


def test_a_dead_members_partitions_are_given_away_at_the_end_of_its_session() -> None:
    async def test() -> None:
        here = world()
        dead = MemoryLog(here.broker)
        await member(here, "one", dead)
        survivor, owns = await member(here, "two")
        assert len(owns.owned) == 1
        dead.crash()
        polling = asyncio.create_task(survivor.poll(10, 60.0))
        await here.time.advance(here.broker.limits.session_timeout_s - 0.001)
        assert len(owns.owned) == 1
        await here.time.advance(0.001)
        assert owns.owned == {0, 1}
        polling.cancel()

    run(test())


def test_a_stuck_member_that_comes_back_too_late_is_revoked_and_joins_anew() -> None:
    async def test() -> None:
        here = world()
        stuck_log = MemoryLog(here.broker)
        stuck, sees = await member(here, "one", stuck_log)
        survivor, owns = await member(here, "two")
        stuck_log.crash()
        await here.time.advance(here.broker.limits.session_timeout_s)
        await survivor.poll(10, 0.0)
        await here.time.advance(0)
        assert owns.owned == {0, 1}
        assert stuck.generation() == -1
        assert sees.events[-1][0] == "assigned"  # as far as it knows, it still owns a partition
        stuck_log.recover()
        await stuck.poll(10, 0.0)
        await here.time.advance(0)
        assert [name for name, _ in sees.events[-2:]] == ["revoked", "assigned"]
        assert owns.owned | sees.owned == {0, 1}
        assert stuck.generation() == survivor.generation()

    run(test())


def test_a_member_that_is_only_stuck_for_a_moment_keeps_its_place() -> None:
    async def test() -> None:
        here = world()
        log = MemoryLog(here.broker)
        stuck, sees = await member(here, "one", log)
        log.crash()
        await here.time.advance(here.broker.limits.session_timeout_s / 2)
        log.recover()
        await here.time.advance(here.broker.limits.session_timeout_s)
        await stuck.poll(10, 0.0)
        assert sees.events == [("assigned", frozenset({0, 1}))]

    run(test())


def test_a_member_that_stood_still_while_it_was_assigned_hears_of_it_when_it_goes_on() -> None:
    async def test() -> None:
        here = world()
        await member(here, "one")
        log = MemoryLog(here.broker)
        joining, sees = log.group(TOPIC, "group", "two"), Recorder()
        await joining.start(sees)
        log.crash()
        await here.time.advance(0)
        assert sees.events == []
        log.recover()
        await here.time.advance(0)
        assert sees.events == [("assigned", frozenset({1}))]

    run(test())


def test_a_revocation_that_takes_too_long_costs_the_place() -> None:
    class Slow(Recorder):
        def __init__(self) -> None:
            super().__init__()
            self.done = asyncio.Event()

        async def revoked(self, partitions: frozenset[int]) -> None:
            await self.done.wait()
            await super().revoked(partitions)

    async def test() -> None:
        here = world()
        slow, sees = MemoryLog(here.broker).group(TOPIC, "group", "one"), Slow()
        await slow.start(sees)
        await here.time.advance(0)
        _, owns = await member(here, "two")
        assert owns.owned == frozenset()
        await here.time.advance(here.broker.limits.session_timeout_s)
        assert owns.owned == {0, 1}
        assert slow.generation() == -1
        sees.done.set()
        await here.time.advance(0)
        await slow.poll(10, 0.0)
        await here.time.advance(0)
        assert len(sees.owned) == len(owns.owned) == 1

    run(test())


def test_the_same_calls_give_the_same_history() -> None:
    async def history() -> list[object]:
        here = world()
        members = [await member(here, name) for name in ("c", "a", "b")]
        await members[1][0].leave()
        await here.time.advance(0)
        return [(recorder.events, recorder.generation) for _, recorder in members]

    assert asyncio.run(history()) == asyncio.run(history())
