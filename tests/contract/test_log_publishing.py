"""What an acknowledgement promises, and what a refusal does."""

import asyncio

import pytest

from libs.kafka.failures import LogUnavailable, NotPublished, RecordTooLarge
from libs.kafka.ports import Entry, Publisher
from tests.contract.logs import Cluster, entries, publish, read, reading, scenario, values


async def started(publisher: Publisher) -> Publisher:
    await publisher.start()
    return publisher


@scenario
async def test_acknowledgements_give_offset_and_append_time(cluster: Cluster) -> None:
    topic = await cluster.topic()
    publisher = await started(cluster.publisher())
    acks = [*await publisher.publish(topic, 0, entries(b"a", b"b")), *await publisher.publish(topic, 0, entries(b"c"))]
    found = await read(await reading(cluster, topic, {0: 0}), 3)
    assert [tuple(ack) for ack in acks] == [(record.offset, record.timestamp) for record in found]
    assert [ack.offset for ack in acks] == [0, 1, 2]
    assert acks[0].timestamp <= acks[2].timestamp
    assert await publisher.publish(topic, 0, ()) == ()


@scenario
async def test_calls_at_once_keep_their_order_and_stay_together(cluster: Cluster) -> None:
    topic = await cluster.topic()
    publisher = await started(cluster.publisher())
    calls = [publisher.publish(topic, 0, entries(b"%d-0" % n, b"%d-1" % n, b"%d-2" % n)) for n in range(50)]
    acks = await asyncio.gather(*calls)
    assert [ack.offset for call in acks for ack in call] == list(range(150))
    found = await read(await reading(cluster, topic, {0: 0}), 150)
    assert values(found) == [b"%d-%d" % (n, index) for n in range(50) for index in range(3)]


@scenario
async def test_a_call_above_the_batch_size_is_split_and_stays_in_order(cluster: Cluster) -> None:
    topic = await cluster.topic()
    publisher = await started(cluster.publisher())
    written = [b"%06d" % n + bytes(20_000) for n in range(150)]
    acks = await publisher.publish(topic, 0, [Entry(b"key", value) for value in written])
    assert [ack.offset for ack in acks] == list(range(150))
    assert values(await read(await reading(cluster, topic, {0: 0}), 150)) == written


@scenario
async def test_partitions_are_written_apart(cluster: Cluster) -> None:
    topic = await cluster.topic(3)
    publisher = await started(cluster.publisher())
    acks = await asyncio.gather(*[publisher.publish(topic, n, entries(b"%d" % n)) for n in range(3)])
    assert [call[0].offset for call in acks] == [0, 0, 0]
    reader = await reading(cluster, topic, {1: 0})
    assert values(await read(reader, 1)) == [b"1"]


@scenario
async def test_a_record_that_fits_in_no_batch_is_poison_and_costs_nothing(cluster: Cluster) -> None:
    topic = await cluster.topic()
    publisher = await started(cluster.publisher())
    with pytest.raises(RecordTooLarge):
        await publisher.publish(topic, 0, [Entry(b"small", b"a"), Entry(b"big", bytes(2_000_000))])
    assert [ack.offset for ack in await publisher.publish(topic, 0, entries(b"b"))] == [0]


@scenario
async def test_what_is_for_no_partition_is_certainly_not_published(cluster: Cluster) -> None:
    topic = await cluster.topic(2)
    publisher = await started(cluster.publisher())
    with pytest.raises(NotPublished) as raised:
        await publisher.publish(topic, 2, entries(b"a", b"b"))
    assert (raised.value.topic, raised.value.partition, raised.value.entries) == (topic, 2, 2)
    assert await publisher.publish(topic, 1, entries(b"c"))


@scenario
async def test_while_the_log_is_away_nothing_is_published(cluster: Cluster) -> None:
    publisher = cluster.absent().publisher()
    with pytest.raises(LogUnavailable):
        await publisher.start()
    calls = [publisher.publish("topic", 0, entries(b"a")) for _ in range(5)]
    for failure in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(failure, NotPublished)


@scenario
async def test_a_closed_publisher_publishes_nothing(cluster: Cluster) -> None:
    topic = await cluster.topic()
    publisher = await started(cluster.publisher())
    await publisher.publish(topic, 0, entries(b"a"))
    await publisher.close()
    with pytest.raises(NotPublished):
        await publisher.publish(topic, 0, entries(b"b"))
    await publish(cluster, topic, 0, b"c")
    assert values(await read(await reading(cluster, topic, {0: 0}), 2)) == [b"a", b"c"]
