"""What a worker saves before a partition changes hands, and that trading goes on meanwhile."""

import asyncio
from pathlib import Path

import pytest

from libs.book.snapshot import state_hash
from libs.events.values import Side
from libs.kafka.memory import MemoryLog
from libs.service.clock import VirtualClock
from libs.service.logging import configure
from libs.snapshots.kafka_store import KafkaStore
from libs.snapshots.ports import Sealed, StoreAway
from libs.snapshots.snapshots import Snapshots
from tests.unit.worker.venue import Cluster, Running, folded, running, until

NEVER_MS = 3_600_000


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


async def saved(cluster: Cluster) -> list[int]:
    """Seqs in the log's store, newest first."""
    store = KafkaStore(MemoryLog(cluster.broker), 1_000)
    listed = await Snapshots(store, "outcry", 3, VirtualClock(), configure("test", "1", "error")).listed(0)
    assert all(each.refused is None for each in listed)
    return [each.seq for each in listed]


async def traded(cluster: Cluster) -> int:
    """The seq after some commands."""
    await cluster.publish(cluster.listing(), *(cluster.place(price=100 + at) for at in range(20)))
    return len(await cluster.events(21))


def test_a_worker_that_stops_saves_what_has_changed_however_little(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, snapshot_every_ms=NEVER_MS):
            seq = await traded(cluster)
            assert await saved(cluster) == []
        assert await saved(cluster) == [seq]
        async with running(cluster, snapshot_every_ms=NEVER_MS) as again:
            await until(lambda: 0 in again.worker._lanes)
        assert await saved(cluster) == [seq]

    asyncio.run(scenario())


class SlowStore(KafkaStore):
    """Takes as long as the test wants."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log, 1_000)
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    async def put(self, partition: int, sealed: Sealed) -> None:
        self.reached.set()
        await self.release.wait()
        await super().put(partition, sealed)


def slowed(worker: Running) -> SlowStore:
    worker.snapshots.store = SlowStore(worker.log)
    return worker.snapshots.store


def test_trading_goes_on_while_a_worker_that_stops_saves(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, snapshot_every_ms=NEVER_MS, hand_over_save_ms=20_000) as worker:
            store = slowed(worker)
            seq = await traded(cluster)
            stopping = asyncio.create_task(worker.stop())
            await store.reached.wait()
            await cluster.publish(*(cluster.place(Side.BUY, 90) for _ in range(10)))
            events = await cluster.events(31)
            store.release.set()
            await stopping
        assert await saved(cluster) == [seq]
        async with running(cluster) as successor:
            await until(lambda: 0 in successor.worker._lanes)
        assert state_hash(successor.worker._copies._states[0].state) == state_hash(folded(events))

    asyncio.run(scenario())


def test_a_store_that_takes_too_long_or_fails_holds_nobody_up(cluster: Cluster) -> None:
    class Refusing(KafkaStore):
        async def put(self, partition: int, sealed: Sealed) -> None:
            raise StoreAway("no")

    async def scenario() -> None:
        async with running(cluster, snapshot_every_ms=NEVER_MS, hand_over_save_ms=1) as worker:
            store = slowed(worker)
            await traded(cluster)
            stopping = asyncio.create_task(worker.stop())
            await until(lambda: worker.worker._group.generation() < 0)
            store.release.set()
            await stopping
        assert len(await saved(cluster)) == 1
        async with running(cluster, snapshot_every_ms=NEVER_MS) as worker:
            worker.snapshots.store = Refusing(worker.log, 1_000)
            await cluster.publish(cluster.place(Side.BUY, 90))
            await cluster.events(22)
        assert len(await saved(cluster)) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(("tail", "expected"), [(0, True), (1_000, False)])
def test_a_partition_that_is_let_go_is_saved_when_much_has_happened(
    cluster: Cluster, tail: int, expected: bool
) -> None:
    async def scenario() -> None:
        async with running(cluster, "w1", snapshot_every_ms=NEVER_MS, hand_over_tail_events=tail):
            seq = await traded(cluster)
            async with running(cluster, "w2", snapshot_every_ms=NEVER_MS, hand_over_tail_events=1_000) as second:
                await until(lambda: len(second.worker._lanes) == 1)
                assert (await saved(cluster) == [seq]) == expected

    asyncio.run(scenario())
