"""The search for a command that kills: what owners say in `worker-attempts`, and what the next one makes of it."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.events.topics import WORKER_ATTEMPTS
from libs.kafka.memory import Broker, MemoryLog
from libs.service.logging import configure
from services.orderbook_worker.attempts import Attempts, Caution, Trial

CAUTION = Caution(takeovers=3, tries=3, span=10)


class Partition:
    """A log, and processes that own its partition 4 one after the other."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.broker.create_topic(WORKER_ATTEMPTS, 1)

    async def process(self) -> Attempts:
        log = MemoryLog(self.broker)
        publisher = log.publisher()
        await publisher.start()
        return Attempts(log, publisher, CAUTION, configure("test", "1", "error"))

    async def owner(self, next_command: int) -> Trial:
        """A new process that is about to decide."""
        trial = await self.trial(await self.process(), next_command)
        await trial.open()
        return trial

    async def third(self, next_command: int) -> Trial:
        """After two that died."""
        for _ in range(2):
            await self.owner(next_command)
        return await self.owner(next_command)

    async def trial(self, process: Attempts, next_command: int, partition: int = 4) -> Trial:
        return process.trial(partition, next_command, await process.last(partition))


def scenario(test: Callable[[Partition], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def within() -> None:
            await test(Partition())

        asyncio.run(within())

    return run


@scenario
async def test_the_third_owner_in_a_row_is_careful(partition: Partition) -> None:
    assert [(await partition.owner(7)).is_careful(7) for _ in range(3)] == [False, False, True]
    third = await partition.owner(7)
    assert [third.is_careful(offset) for offset in (7, 16, 17)] == [True, True, False]


@scenario
async def test_progress_begins_the_count_anew(partition: Partition) -> None:
    for next_command in (7, 7, 8, 8):
        assert not (await partition.owner(next_command)).is_careful(next_command)
    assert (await partition.owner(8)).is_careful(8)


@scenario
async def test_a_command_that_was_announced_often_enough_is_deadly(partition: Partition) -> None:
    owner = await partition.third(7)
    await owner.announce(7)
    owner.survived()
    for _ in range(3):
        assert not owner.is_deadly(8)
        await owner.announce(8)
        owner = await partition.owner(8)
        assert owner.is_careful(8)
    assert owner.is_deadly(8)
    assert not owner.is_deadly(9)
    await owner.found(8)
    assert not owner.is_careful(9)
    assert [(await partition.owner(9)).is_careful(9) for _ in range(2)] == [False, True]


@scenario
async def test_what_a_process_survives_did_not_kill_it(partition: Partition) -> None:
    owner = await partition.third(7)
    for _ in range(5):
        await owner.announce(7)
        await owner.take_back()
        owner = await partition.owner(7)
        assert owner.is_careful(7)
        assert not owner.is_deadly(7)


@scenario
async def test_a_process_that_takes_over_from_itself_is_no_death(partition: Partition) -> None:
    process = await partition.process()
    for _ in range(5):
        trial = await partition.trial(process, 7)
        await trial.open()
        assert not trial.is_careful(7)
    await partition.owner(7)
    assert (await partition.trial(process, 7)).is_careful(7)


@scenario
async def test_an_owner_that_lets_go_in_good_order_clears_the_count(partition: Partition) -> None:
    owner = await partition.third(7)
    await owner.end(9)
    assert not (await partition.owner(9)).is_careful(9)
    for _ in range(2):
        await (await partition.owner(9)).end(9)
    assert not (await partition.owner(9)).is_careful(9)


@scenario
async def test_an_owner_that_decided_nothing_clears_nothing(partition: Partition) -> None:
    for _ in range(2):
        await partition.owner(7)
    idle = await partition.trial(await partition.process(), 7)
    await idle.end(7)
    assert (await partition.owner(7)).is_careful(7)


@scenario
async def test_partitions_are_counted_apart(partition: Partition) -> None:
    for _ in range(2):
        await partition.owner(7)
    other = await partition.trial(await partition.process(), 7, partition=5)
    assert not other.is_careful(7)
