"""What the twin's transactions do when time passes and when faults are planned."""

import asyncio

import pytest

from libs.kafka.failures import Aborted, Fenced, NotPublished, PublishUnknown, TransactionExpired
from libs.kafka.memory import Point
from libs.kafka.ports import Entry, InputOffset
from tests.unit.kafka.worlds import TOPIC, outbox, run, visible, world, writer


def test_an_open_transaction_is_aborted_at_its_timeout_and_not_before() -> None:
    async def test() -> None:
        here = world()
        owner = await writer(here.log)
        here.faults.hold(Point.SENT, "id")
        commit = asyncio.create_task(owner.commit([outbox(b"lost")], None))
        await here.time.advance(here.broker.limits.commit_timeout_s)
        with pytest.raises(TransactionExpired):
            await commit
        await here.log.publisher().publish(TOPIC, 0, [Entry(b"key", b"after")])
        left = here.broker.limits.transaction_timeout_s - here.broker.limits.commit_timeout_s
        await here.time.advance(left - 0.001)
        assert await visible(here.log) == []
        await here.time.advance(0.001)
        assert await visible(here.log) == [b"after"]
        assert await visible(here.log, committed=False) == [b"lost", b"after"]

    run(test())


def test_a_waiting_reader_is_woken_by_a_timeout() -> None:
    async def test() -> None:
        here = world()
        owner = await writer(here.log)
        here.faults.hold(Point.SENT, "id")
        commit = asyncio.create_task(owner.commit([outbox(b"lost")], None))
        await here.time.advance(0)
        await here.log.publisher().publish(TOPIC, 0, [Entry(b"key", b"after")])
        reader = here.log.reader(TOPIC)
        reader.assign({0: 0})
        waiting = asyncio.create_task(reader.poll(10, 60.0))
        await here.time.advance(here.broker.limits.transaction_timeout_s)
        assert [record.value for record in (await waiting)[0]] == [b"after"]
        assert isinstance(commit.exception(), TransactionExpired)

    run(test())


@pytest.mark.parametrize("point", [Point.BEGIN, Point.SENT, Point.END])
def test_a_planned_abort_rolls_back_and_spends_the_writer(point: Point) -> None:
    async def test() -> None:
        here = world()
        owner = await writer(here.log)
        here.faults.fail(point, "id", Aborted("as planned"))
        for _ in range(2):
            with pytest.raises(Aborted):
                await owner.commit([outbox(b"lost")], InputOffset("group", TOPIC, 1, 1))
        successor = await writer(here.log)
        await successor.commit([outbox(b"kept")], None)
        assert await visible(here.log) == [b"kept"]
        assert here.broker.committed("group", TOPIC, 1) is None

    run(test())


def test_a_commit_whose_answer_is_lost_is_committed() -> None:
    async def test() -> None:
        here = world()
        owner = await writer(here.log)
        here.faults.fail(Point.ENDED, "id", TransactionExpired("as planned"))
        with pytest.raises(TransactionExpired):
            await owner.commit([outbox(b"kept")], InputOffset("group", TOPIC, 1, 7))
        assert await visible(here.log) == [b"kept"]
        assert here.broker.committed("group", TOPIC, 1) == 7

    run(test())


def test_a_death_leaves_the_transaction_open_until_the_next_owner() -> None:
    async def test() -> None:
        here = world()
        owner = await writer(here.log)
        here.faults.fail(Point.END, "id", ZeroDivisionError("dead"))
        with pytest.raises(ZeroDivisionError):
            await owner.commit([outbox(b"lost")], None)
        reader = here.log.reader(TOPIC)
        assert (await reader.bounds(0)).end == 0
        await writer(here.log)
        assert (await reader.bounds(0)).end == 2
        assert await visible(here.log) == []

    run(test())


def test_a_fence_between_two_commits_is_noticed() -> None:
    async def test() -> None:
        here = world()
        owner = await writer(here.log)
        await owner.commit([outbox(b"first")], None)
        here.broker.transactions.take("id")
        with pytest.raises(Fenced):
            await owner.commit([outbox(b"lost")], None)
        assert await visible(here.log) == [b"first"]

    run(test())


def test_planned_publish_failures_are_true() -> None:
    async def test() -> None:
        here = world()
        publisher = here.log.publisher()
        here.faults.fail(Point.PUBLISH, TOPIC, NotPublished(TOPIC, 0, 1, "as planned"))
        here.faults.fail(Point.PUBLISHED, TOPIC, PublishUnknown(TOPIC, 0, 1, "as planned"))
        with pytest.raises(NotPublished):
            await publisher.publish(TOPIC, 0, [Entry(b"key", b"never")])
        with pytest.raises(PublishUnknown):
            await publisher.publish(TOPIC, 0, [Entry(b"key", b"there")])
        assert await visible(here.log) == [b"there"]

    run(test())


def test_append_times_follow_the_clock_and_never_run_back() -> None:
    async def test() -> None:
        here = world()
        publisher = here.log.publisher()
        (first,) = await publisher.publish(TOPIC, 0, [Entry(b"key", b"a")])
        await here.time.advance(1.5)
        (second,) = await publisher.publish(TOPIC, 0, [Entry(b"key", b"b")])
        assert first.timestamp == here.time.now() // 1_000_000 - 1500
        assert second.timestamp == first.timestamp + 1500

    run(test())
