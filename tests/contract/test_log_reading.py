"""What a reader of chosen partitions sees, and what it never sees."""

import asyncio

import pytest

from libs.kafka.failures import LogUnavailable, NotAssigned, OffsetOutOfRange
from libs.kafka.ports import Bounds, Entry, LogReader, Outbox
from tests.contract.logs import (
    Cluster,
    entries,
    new_name,
    publish,
    read,
    reading,
    scenario,
    started,
    until_async,
    values,
)


@scenario
async def test_records_come_back_as_they_were_written_in_order(cluster: Cluster) -> None:
    topic = await cluster.topic()
    publisher = cluster.publisher()
    await publisher.start()
    written = [
        Entry(b"k1", b"v1", (("a", b"1"), ("b", b""))),
        Entry(None, b"v2"),
        Entry(b"k3", None),
    ]
    acks = await publisher.publish(topic, 0, written)
    found = await read(await reading(cluster, topic, {0: 0}), 3)
    assert [(record.key, record.value, tuple(record.headers)) for record in found] == [
        (b"k1", b"v1", (("a", b"1"), ("b", b""))),
        (None, b"v2", ()),
        (b"k3", None, ()),
    ]
    assert [(record.topic, record.partition, record.offset) for record in found] == [(topic, 0, n) for n in range(3)]
    assert [(record.offset, record.timestamp) for record in found] == [tuple(ack) for ack in acks]


@scenario
async def test_nothing_to_read_is_no_error(cluster: Cluster) -> None:
    topic = await cluster.topic()
    reader = await reading(cluster, topic, {0: 0})
    assert await reader.poll(10, 0.05) == {}
    assert await reader.poll(10, 0.0) == {}
    assert reader.position(0) == 0
    assert await reader.bounds(0) == Bounds(0, 0)


@scenario
async def test_a_reader_of_nothing_reads_nothing(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await publish(cluster, topic, 0, b"a")
    reader = await reading(cluster, topic, {})
    assert await reader.poll(10, 0.05) == {}
    reader.assign({0: 0})
    assert values(await read(reader, 1)) == [b"a"]


@scenario
async def test_a_poll_gives_no_more_than_asked_for_and_goes_on_there(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await publish(cluster, topic, 0, *[b"%d" % n for n in range(10)])
    reader = await reading(cluster, topic, {0: 0})
    seen: list[bytes | None] = []
    while len(seen) < 10:
        records = (await reader.poll(4, 1.0)).get(0, ())
        assert len(records) <= 4
        seen += values(records)
        assert reader.position(0) == len(seen)
    assert seen == [b"%d" % n for n in range(10)]


@scenario
async def test_a_waiting_poll_ends_when_a_record_comes(cluster: Cluster) -> None:
    topic = await cluster.topic()
    reader = await reading(cluster, topic, {0: 0})
    waiting = asyncio.create_task(reader.poll(10, 15.0))
    await publish(cluster, topic, 0, b"a")
    async with asyncio.timeout(5):
        assert values((await waiting)[0]) == [b"a"]


@scenario
async def test_partitions_are_apart(cluster: Cluster) -> None:
    topic = await cluster.topic(3)
    await publish(cluster, topic, 0, b"a", b"b")
    await publish(cluster, topic, 2, b"c")
    reader = await reading(cluster, topic, {0: 1, 1: 0, 2: 0})
    assert await reader.partitions() == [0, 1, 2]
    assert sorted(values(await read(reader, 2)), key=str) == [b"b", b"c"]
    assert [await reader.bounds(partition) for partition in range(3)] == [Bounds(0, 2), Bounds(0, 0), Bounds(0, 1)]


@scenario
async def test_an_assignment_replaces_the_last_one(cluster: Cluster) -> None:
    topic = await cluster.topic(2)
    await publish(cluster, topic, 0, b"a", b"b", b"c")
    await publish(cluster, topic, 1, b"x")
    reader = await reading(cluster, topic, {0: 0})
    assert len(await read(reader, 3)) == 3
    reader.assign({0: 1})
    assert values(await read(reader, 2)) == [b"b", b"c"]
    reader.assign({1: 0})
    assert values(await read(reader, 1)) == [b"x"]
    with pytest.raises(NotAssigned):
        reader.position(0)


@scenario
async def test_control_markers_take_offsets_and_positions_pass_them(cluster: Cluster) -> None:
    topic = await cluster.topic()
    writer = await started(cluster.writer(new_name("id")))
    assert await writer.commit([Outbox(topic, 0, entries(b"a", b"b"))], None) == [0]
    assert await writer.commit([Outbox(topic, 0, entries(b"c"))], None) == [3]
    reader = await reading(cluster, topic, {0: 0})
    found = await read(reader, 3)
    assert [record.offset for record in found] == [0, 1, 3]
    await until_async(lambda: _at_end(reader, 5))


@scenario
async def test_an_open_transaction_is_invisible_and_holds_back_what_follows(cluster: Cluster) -> None:
    topic, writer_id = await cluster.topic(), new_name("id")
    await publish(cluster, topic, 0, b"before")
    writer, held = await started(cluster.writer(writer_id)), cluster.hold(writer_id)
    commit = asyncio.create_task(writer.commit([Outbox(topic, 0, entries(b"inside"))], None))
    await held.reached.wait()
    await publish(cluster, topic, 0, b"after")

    committed = await reading(cluster, topic, {0: 0})
    uncommitted = await reading(cluster, topic, {0: 0}, committed=False)
    assert await committed.bounds(0) == Bounds(0, 1)
    assert await uncommitted.bounds(0) == Bounds(0, 3)
    assert values(await read(committed, 1)) == [b"before"]
    assert values(await read(uncommitted, 3)) == [b"before", b"inside", b"after"]
    assert await committed.poll(10, 0.05) == {}
    assert committed.position(0) == 1

    held.release.set()
    await commit
    assert values(await read(committed, 2)) == [b"inside", b"after"]
    await until_async(lambda: _at_end(committed, 4))


@scenario
async def test_an_aborted_transaction_is_never_visible(cluster: Cluster) -> None:
    topic, writer_id = await cluster.topic(), new_name("id")
    writer, held = await started(cluster.writer(writer_id)), cluster.hold(writer_id)
    commit = asyncio.create_task(writer.commit([Outbox(topic, 0, entries(b"lost", b"lost too"))], None))
    await held.reached.wait()
    successor = await started(cluster.writer(writer_id))
    assert await successor.commit([Outbox(topic, 0, entries(b"kept"))], None) == [3]
    held.release.set()
    await asyncio.wait({commit})
    assert commit.exception() is not None

    reader = await reading(cluster, topic, {0: 0})
    assert values(await read(reader, 1)) == [b"kept"]
    await until_async(lambda: _at_end(reader, 5))
    everything = await reading(cluster, topic, {0: 0}, committed=False)
    assert values(await read(everything, 3)) == [b"lost", b"lost too", b"kept"]


@scenario
async def test_a_position_above_the_log_is_fatal_and_says_so(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await publish(cluster, topic, 0, b"a", b"b")
    reader = await reading(cluster, topic, {0: 7})
    with pytest.raises(OffsetOutOfRange) as raised:
        await _poll_until_raised(reader)
    failure = raised.value
    assert (failure.topic, failure.partition, failure.offset) == (topic, 0, 7)
    assert (failure.start, failure.end) == (0, 2)


@scenario
async def test_a_position_that_was_deleted_is_fatal_and_says_so(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await publish(cluster, topic, 0, b"a", b"b", b"c")
    await cluster.delete_before(topic, 0, 2)
    reader = await reading(cluster, topic, {0: 1})
    assert await reader.bounds(0) == Bounds(2, 3)
    with pytest.raises(OffsetOutOfRange) as raised:
        await _poll_until_raised(reader)
    assert (raised.value.offset, raised.value.start, raised.value.end) == (1, 2, 3)
    reader.assign({0: 2})
    assert values(await read(reader, 1)) == [b"c"]


@scenario
async def test_a_log_that_is_away_is_transient(cluster: Cluster) -> None:
    reader = cluster.absent().reader("topic")
    with pytest.raises(LogUnavailable):
        await reader.start()


async def _at_end(reader: LogReader, end: int) -> bool:
    assert await reader.poll(10, 0.05) == {}
    return reader.position(0) == end == (await reader.bounds(0)).end


async def _poll_until_raised(reader: LogReader) -> None:
    async with asyncio.timeout(10):
        while True:
            assert await reader.poll(10, 0.1) == {}
