"""Workers on the in-memory log: exactly the events of each command, whatever ends in between."""

import asyncio
from pathlib import Path

import pytest

from libs.book.snapshot import state_hash
from libs.events import topics
from libs.events.events import OrderDone, TimeAdvanced
from libs.events.values import DoneReason, Side
from libs.kafka.failures import Aborted, Fenced, LogUnavailable
from libs.kafka.memory import Point
from libs.kafka.ports import InputOffset
from services.orderbook_worker.failures import LogAway, PositionConflict
from tests.unit.worker.venue import LIMIT_S, PARTITIONS, Cluster, Running, folded, running, until
from tests.unit.worker.virtual_loop import run

WRITER = "outcry-orders-0"
GROUP = "outcry-orderbook-worker"


def told(cluster: Cluster) -> int | None:
    """The position that the group knows."""
    return cluster.broker.committed(GROUP, topics.ORDERS, 0)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_each_command_has_its_events_and_a_stop_tells_the_position(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place(), cluster.place(Side.BUY))
        async with running(cluster):
            events = await cluster.events(3)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert told(cluster) == 3

    asyncio.run(scenario())


def test_a_killed_worker_is_followed_by_one_that_goes_on(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place())
        first = cluster.worker("w1")
        await first.start()
        await cluster.events(2)
        await first.kill()
        await cluster.publish(cluster.place(Side.BUY))
        async with running(cluster, "w1") as second:
            events = await cluster.events(3)
        assert state_hash(folded(events)) == state_hash(second.worker._copies._states[0].state)

    asyncio.run(scenario())


def test_an_aborted_commit_is_decided_again_from_the_log(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place())
        async with running(cluster):
            await cluster.events(2)
            cluster.faults.fail(Point.SENT, WRITER, Aborted("planned"))
            await cluster.publish(cluster.place(Side.BUY))
            events = await cluster.events(3)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))

    asyncio.run(scenario())


def test_a_fence_ends_the_process(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing())
        worker = cluster.worker("w1")
        await worker.start()
        await cluster.events(1)
        usurper = cluster.log.transactional_writer(WRITER)
        await usurper.start()
        await cluster.publish(cluster.place())
        assert worker.task is not None
        with pytest.raises(Fenced):
            await asyncio.wait_for(worker.task, 20)

    asyncio.run(scenario())


def test_a_stop_saves_a_snapshot_that_the_next_start_uses(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), *(cluster.place(price=100 + at) for at in range(50)))
        async with running(cluster):
            await cluster.events(51)
        async with running(cluster) as second:
            await cluster.publish(cluster.place(Side.BUY, 120, 30))
            events = await cluster.events(52)
        kept = second.worker._copies._states[0]
        assert kept.saved_seq > 100
        assert state_hash(kept.state) == state_hash(folded(events))

    asyncio.run(scenario())


def test_snapshots_under_load_are_of_committed_state(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing())
        async with running(cluster, snapshot_every_ms=1, batch_commands=7, commit_gap_ms=0):
            for _ in range(20):
                await cluster.publish(*(cluster.place(price=100 + at) for at in range(10)))
            events = await cluster.events(201)
        async with running(cluster) as second:
            await cluster.publish(cluster.place())
            events = await cluster.events(202)
        assert state_hash(second.worker._copies._states[0].state) == state_hash(folded(events))

    asyncio.run(scenario())


def test_two_workers_share_the_partitions_and_one_takes_over(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place())
        async with running(cluster, "w1"):
            await cluster.events(2)
            async with running(cluster, "w2"):
                await cluster.publish(cluster.place(Side.BUY))
                await cluster.events(3)
            await cluster.publish(cluster.place(), cluster.place(Side.BUY))
            events = await cluster.events(5)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))

    asyncio.run(scenario())


@pytest.mark.parametrize(("every_ms", "while_running"), [(3_600_000, 0), (0, 2)])
def test_the_position_is_told_at_most_so_often_and_by_a_stop(
    cluster: Cluster, every_ms: int, while_running: int
) -> None:
    async def scenario() -> None:
        async with running(cluster, position_every_ms=every_ms):
            await cluster.publish(cluster.listing())
            await cluster.events(1)
            await cluster.publish(cluster.place())
            await cluster.events(2)
            assert told(cluster) == while_running
        assert told(cluster) == 2

    asyncio.run(scenario())


def test_a_partition_that_falls_idle_tells_its_position(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, position_every_ms=50):
            await cluster.publish(cluster.listing(), cluster.place())
            await until(lambda: told(cluster) == 2)

    asyncio.run(scenario())


@pytest.mark.parametrize("known", [1, None])
def test_a_position_behind_the_log_is_no_conflict(cluster: Cluster, known: int | None) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place())
        async with running(cluster):
            await cluster.events(2)
        if known is None:
            cluster.broker.forget_offsets(GROUP)
        else:
            cluster.broker.commit_offset(InputOffset(GROUP, topics.ORDERS, 0, known))
        await cluster.publish(cluster.place(Side.BUY))
        async with running(cluster):
            events = await cluster.events(3)
        assert [event.command_offset for event in events if event.last and event.number] == [0, 1, 2]

    asyncio.run(scenario())


def test_what_is_due_happens_without_a_command(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster):
            soon = cluster.expiring(50)
            await cluster.publish(cluster.listing(), soon, cluster.expiring(100_000))
            (done, key), (advanced, no_key) = (await cluster.keyed_events(4))[-2:]
        assert isinstance(done, OrderDone)
        assert (done.order_id, done.reason, done.command_offset) == (soon.order_id, DoneReason.EXPIRED, 3)
        assert done.time >= soon.expire_time
        assert (type(advanced), key, no_key) == (TimeAdvanced, b"TEST", None)

    asyncio.run(scenario())


def test_a_deadline_that_came_while_nobody_was_there_happens_at_the_take_over(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster):
            order = cluster.expiring(150)
            await cluster.publish(cluster.listing(), order)
            await cluster.events(2)
        while cluster.broker.time.now() < order.expire_time:
            await asyncio.sleep(0.01)
        async with running(cluster):
            assert [type(event) for event in (await cluster.events(3))[-2:]] == [OrderDone, TimeAdvanced]

    asyncio.run(scenario())


def test_a_worker_that_does_not_reach_the_log_ends(cluster: Cluster) -> None:
    async def scenario() -> None:
        worker = cluster.worker("w1", away_limit_ms=30_000)
        await worker.start()
        lanes = worker.worker._lanes
        await until(lambda: [lane.committed_seq for lane in lanes.values()] == [1] * PARTITIONS)
        cluster.broker.away = True
        worker.log.crash()  # no heartbeat comes through
        assert worker.task is not None
        with pytest.raises(LogAway, match="no place in the group"):
            await worker.task

    run(scenario())


async def complaints(worker: Running, *, given: bool) -> list[str]:
    """What its health finds wrong, once there is something, or nothing."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            found = [each.detail for each in (await worker.process.health.report()).findings if each.detail]
            if bool(found) is given:
                return found
            await asyncio.sleep(0.1)


def test_a_worker_that_does_nothing_says_so(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, progress_limit_ms=1_000) as worker:
            await cluster.publish(cluster.listing())
            await cluster.events(1)
            assert await complaints(worker, given=False) == []
            held = cluster.faults.hold(Point.SENT, WRITER)
            await cluster.publish(cluster.place())
            assert await complaints(worker, given=True) == ["partition 0: nothing was committed for 1 s"]
            held.set()
            await cluster.events(2)
            assert await complaints(worker, given=False) == []

    run(scenario())


def test_a_position_ahead_of_the_log_ends_the_process(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place())
        async with running(cluster):
            await cluster.events(2)
        cluster.broker.commit_offset(InputOffset(GROUP, topics.ORDERS, 0, 3))
        worker = cluster.worker("w1")
        await worker.start()
        assert worker.task is not None
        with pytest.raises(PositionConflict):
            await asyncio.wait_for(worker.task, 20)

    asyncio.run(scenario())


def test_a_worker_that_starts_before_the_log_waits_for_it(cluster: Cluster) -> None:
    async def scenario() -> None:
        await cluster.publish(cluster.listing(), cluster.place())
        for _ in range(3):
            cluster.faults.fail(Point.CONNECT, topics.PRODUCTS, LogUnavailable("no broker answers"))
        async with running(cluster):
            events = await cluster.events(2)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))

    run(scenario())


def test_a_worker_that_waits_for_the_log_can_be_stopped(cluster: Cluster) -> None:
    async def scenario() -> None:
        refused = asyncio.Event()

        async def refuse() -> None:
            cluster.faults.plan(Point.CONNECT, topics.PRODUCTS, refuse)
            refused.set()
            raise LogUnavailable("no broker answers")

        cluster.faults.plan(Point.CONNECT, topics.PRODUCTS, refuse)
        worker = cluster.worker("w1")
        await worker.start()
        await refused.wait()
        await worker.stop()

    run(scenario())
