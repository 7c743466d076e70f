"""Snapshot stores: what was saved comes back whole, newest first, or not at all."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.events.topics import BOOK_SNAPSHOTS
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry
from libs.service.logging import configure
from services.orderbook_worker.snapshots import (
    CachedSnapshots,
    DiskSnapshots,
    KafkaSnapshots,
    SnapshotStore,
    Stored,
)

CHUNK = 10
KEPT = 3
Scenario = Callable[[SnapshotStore], Coroutine[Any, Any, None]]


def snapshot(seq: int, size: int = 35) -> Stored:
    return Stored(seq, seq * 2, bytes((seq + at) % 256 for at in range(size)))


def log() -> MemoryLog:
    broker = Broker()
    broker.create_topic(BOOK_SNAPSHOTS, 2)
    return MemoryLog(broker)


async def in_log(memory: MemoryLog) -> KafkaSnapshots:
    publisher = memory.publisher()
    await publisher.start()
    return KafkaSnapshots(memory, publisher, CHUNK, KEPT)


@pytest.fixture(params=["log", "disk", "cached"])
def on_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scenario], None]:
    async def store() -> SnapshotStore:
        disk = DiskSnapshots(tmp_path / "snapshots")
        if request.param == "disk":
            return disk
        kafka = await in_log(log())
        return kafka if request.param == "log" else CachedSnapshots(kafka, disk, configure("test", "1", "error"))

    def run(scenario: Scenario) -> None:
        async def all_of_it() -> None:
            await scenario(await store())

        asyncio.run(all_of_it())

    return run


def test_nothing_saved_is_nothing_found(on_store: Callable[[Scenario], None]) -> None:
    async def scenario(store: SnapshotStore) -> None:
        assert await store.load(0) == []

    on_store(scenario)


def test_the_newest_comes_first(on_store: Callable[[Scenario], None]) -> None:
    async def scenario(store: SnapshotStore) -> None:
        for seq in range(1, 6):
            await store.save(0, snapshot(seq))
        found = await store.load(0)
        assert found[0] == snapshot(5)
        assert await store.load(1) == []

    on_store(scenario)


def test_an_empty_state_is_a_snapshot_too(on_store: Callable[[Scenario], None]) -> None:
    async def scenario(store: SnapshotStore) -> None:
        await store.save(1, Stored(3, 4, b""))
        assert await store.load(1) == [Stored(3, 4, b"")]

    on_store(scenario)


def test_the_log_keeps_three_and_buries_the_others() -> None:
    async def scenario() -> None:
        memory = log()
        store = await in_log(memory)
        for seq in range(1, 6):
            await store.save(0, snapshot(seq))
        assert [found.seq for found in await store.load(0)] == [5, 4, 3]
        successor = await in_log(memory)
        await successor.save(0, snapshot(6))
        assert [found.seq for found in await successor.load(0)] == [6, 5, 4]

    asyncio.run(scenario())


def test_a_snapshot_that_lost_a_chunk_its_manifest_or_a_bit_is_passed_over() -> None:
    async def damaged(key: tuple[int, int, int], value: bytes | None) -> list[int]:
        memory = log()
        store = await in_log(memory)
        await store.save(0, snapshot(1))
        await store.save(0, snapshot(2))
        publisher = memory.publisher()
        await publisher.start()
        await publisher.publish(BOOK_SNAPSHOTS, 0, [Entry(msgspec.msgpack.encode(key), value)])
        return [found.seq for found in await store.load(0)]

    async def scenario() -> None:
        assert await damaged((0, 2, 1), None) == [1]
        assert await damaged((0, 2, -1), None) == [1]
        assert await damaged((0, 2, 0), b"other bytes") == [1]
        assert await damaged((0, 2, -1), b"\xc1") == [1]
        assert await damaged((0, 9, 0), b"a beginning") == [2, 1]

    asyncio.run(scenario())


@pytest.mark.parametrize("kept", [0, 3, 20, 40])
def test_a_file_that_was_cut_short_is_passed_over(tmp_path: Path, kept: int) -> None:
    async def scenario() -> None:
        store = DiskSnapshots(tmp_path)
        await store.save(0, snapshot(1))
        path = tmp_path / "partition-0.snapshot"
        path.write_bytes(path.read_bytes()[:kept])
        assert await store.load(0) == []

    asyncio.run(scenario())


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "occupied").write_text("a file where the folder should be")
        kafka = await in_log(log())
        store = CachedSnapshots(kafka, DiskSnapshots(tmp_path / "occupied"), configure("test", "1", "error"))
        await store.save(0, snapshot(1))
        assert await store.load(0) == [snapshot(1)]

    asyncio.run(scenario())
