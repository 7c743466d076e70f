"""What may happen to snapshots in each store alone: half a write, a lost record, a file cut short, a server away."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from deploy.local.servers import Addresses
from libs.events.topics import BOOK_SNAPSHOTS
from libs.kafka.ports import Entry
from libs.snapshots.disk_store import DiskStore
from libs.snapshots.ports import StoreAway
from libs.snapshots.redis_store import RedisStore
from libs.snapshots.s3_store import S3Store
from tests.contract.snapshot_stores import CHUNK, InMemoryLog, InRedis, InS3
from tests.contract.test_snapshot_stores import found, owner, snapshot


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ((0, 2, 1), None, ["truncated", 1]),
        ((0, 2, -1), None, ["truncated", 1]),
        ((0, 2, 0), b"other byte", ["damaged", 1]),
        ((0, 2, 0), b"other bytes, and more", ["damaged", 1]),
        ((0, 2, -1), b"\xc1", ["damaged", 1]),
        ((0, 9, 0), b"a beginning", ["truncated", 2, 1]),
        ((0, 9, -1), msgspec.msgpack.encode((2**60, b"OBSN")), ["truncated", 2, 1]),
        ("a key of somebody else", b"and its value", [2, 1]),
    ],
)
def test_records_of_the_topic_that_went_bad(key: object, value: bytes | None, expected: list[int | str]) -> None:
    async def scenario() -> None:
        world = InMemoryLog()
        store = await world.store()
        await owner(store).save(0, snapshot(1))
        await owner(store).save(0, snapshot(2))
        publisher = world.log.publisher()
        await publisher.start()
        await publisher.publish(BOOK_SNAPSHOTS, 0, [Entry(None, b"no key"), Entry(msgspec.msgpack.encode(key), value)])
        assert await found(store) == expected

    asyncio.run(scenario())


def test_what_a_dead_writer_left_in_the_topic_is_buried_by_the_next_owner() -> None:
    async def scenario() -> None:
        world = InMemoryLog()
        publisher = world.log.publisher()
        await publisher.start()
        await publisher.publish(BOOK_SNAPSHOTS, 0, [Entry(msgspec.msgpack.encode((0, 1, 0)), b"a beginning")])
        store = await world.store()
        for seq in (2, 3, 4, 5):
            await owner(store).save(0, snapshot(seq))
        assert await found(await world.store()) == [5, 4, 3]

    asyncio.run(scenario())


def test_chunks_in_the_topic_are_no_bigger_than_said() -> None:
    async def scenario() -> None:
        world = InMemoryLog()
        await owner(await world.store()).save(0, snapshot(1, 95))
        reader = world.log.reader(BOOK_SNAPSHOTS)
        await reader.start()
        reader.assign({0: 0})
        records = (await reader.poll(100, 1.0))[0]
        sizes = [len(record.value or b"") for record in records if msgspec.msgpack.decode(record.key or b"")[2] >= 0]
        assert sizes == [CHUNK] * 9 + [5]

    asyncio.run(scenario())


@pytest.mark.parametrize("length", [0, 3, 12, 40, 100])
def test_a_file_that_was_cut_short(tmp_path: Path, length: int) -> None:
    async def scenario() -> None:
        store = DiskStore(tmp_path, "test", synced=True)
        await owner(store).save(0, snapshot(1))
        await owner(store).save(0, snapshot(2))
        path = tmp_path / "test" / "partition-0" / f"{2:020}.snapshot"
        os.truncate(path, min(length, path.stat().st_size - 1))
        assert await found(store) == ["truncated", 1]

    asyncio.run(scenario())


def test_files_of_others_are_left_alone_and_abandoned_ones_are_cleared(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = DiskStore(tmp_path, "test", synced=False)
        await owner(store).save(0, snapshot(1))
        folder = tmp_path / "test" / "partition-0"
        (folder / "notes.txt").write_text("somebody's")
        (folder / "old.snapshot").write_text("no seq")
        for name in ("fresh.part", "abandoned.part"):
            (folder / name).write_text("half")
        os.utime(folder / "abandoned.part", (0, 0))
        await owner(store).save(0, snapshot(2))
        assert await found(store) == [2, 1]
        left = {path.name for path in folder.iterdir()}
        assert {"notes.txt", "old.snapshot", "fresh.part"} <= left
        assert "abandoned.part" not in left

    asyncio.run(scenario())


def test_a_disk_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "test").write_text("a file where the folder should be")
        store = DiskStore(tmp_path, "test", synced=True)
        with pytest.raises(StoreAway, match=str(tmp_path)):
            await owner(store).save(0, snapshot(1))
        with pytest.raises(StoreAway, match=str(tmp_path)):
            await found(store)

    asyncio.run(scenario())


def test_an_object_that_somebody_overwrote(s3: tuple[str, str]) -> None:
    async def scenario() -> None:
        world = InS3(*s3)
        store = await world.store()
        for seq in (1, 2, 3):
            await owner(store).save(0, snapshot(seq))
        await world.overwrite(f"test/partition-0/{3:020}.snapshot", b"")
        await world.overwrite(f"test/partition-0/{2:020}.snapshot", b"a page of some other program")
        await world.overwrite("test/partition-0/readme.txt", b"not a snapshot")
        assert await found(store) == ["truncated", "damaged", 1]
        assert [each.seq for each in await owner(store).listed(0) if each.refused is None] == [1]

    asyncio.run(scenario())


def test_a_snapshot_of_several_requests(s3: tuple[str, str]) -> None:
    """The client sends large objects in parts."""

    async def scenario() -> None:
        store = await InS3(*s3).store()
        large = snapshot(1, 12_000_000)
        await owner(store).save(0, large)
        async for each in owner(store).stored(0):
            assert each[1] == large.data

    asyncio.run(scenario())


def test_a_bucket_that_is_not_there_and_a_server_that_is_not_there(s3: tuple[str, str]) -> None:
    async def scenario() -> None:
        place = InS3(*s3).place
        with pytest.raises(StoreAway, match=r"s3 bucket elsewhere: .*NoSuchBucket") as caught:
            await owner(S3Store(place._replace(bucket="elsewhere"), "test", 1.0, 0)).save(0, snapshot(1))
        assert "\n" not in str(caught.value)
        absent = S3Store(place._replace(endpoint="http://127.0.0.1:1"), "test", 1.0, 0)
        for attempt in (owner(absent).save(0, snapshot(1)), found(absent)):
            with pytest.raises(StoreAway, match="s3 bucket"):
                await attempt

    asyncio.run(scenario())


def test_a_string_that_redis_lost_or_that_was_changed(servers: Addresses) -> None:
    async def scenario() -> None:
        world = InRedis(servers.redis)
        store = await world.store()
        for seq in (1, 2, 3):
            await owner(store).save(0, snapshot(seq))
        redis = Redis.from_url(servers.redis)
        key = f"{{{world.cluster}:snapshots:0}}"
        await redis.delete(f"{key}:3")
        await redis.setrange(f"{key}:2", 0, b"XXXX")
        assert await redis.ttl(f"{key}:1") == -1
        assert await found(store) == ["truncated", "damaged", 1]
        await redis.aclose()
        await store.close()

    asyncio.run(scenario())


def test_a_redis_that_is_not_there() -> None:
    async def scenario() -> None:
        store = RedisStore("redis://127.0.0.1:1/0", "test", CHUNK, 1.0)
        for attempt in (owner(store).save(0, snapshot(1)), found(store)):
            with pytest.raises(StoreAway, match="redis"):
                await attempt
        await store.close()

    asyncio.run(scenario())
