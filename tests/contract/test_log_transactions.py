"""Records and offset together or not at all, and one owner of a transactional id at a time."""

import asyncio

import pytest

from libs.kafka.failures import Aborted, Fenced, LogUnavailable, RecordTooLarge, TransactionExpired
from libs.kafka.ports import Entry, InputOffset, Outbox
from tests.contract.logs import (
    Cluster,
    committed_offset,
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
async def test_a_commit_writes_all_outboxes_and_says_where(cluster: Cluster) -> None:
    one, two = await cluster.topic(2), await cluster.topic()
    writer = await started(cluster.writer(new_name("id")))
    outboxes = [Outbox(one, 0, entries(b"a", b"b")), Outbox(two, 0, ()), Outbox(one, 1, entries(b"c"))]
    assert await writer.commit(outboxes, None) == [0, -1, 0]
    assert await writer.commit([Outbox(two, 0, entries(b"d")), Outbox(one, 0, entries(b"e"))], None) == [0, 3]
    reader = await reading(cluster, one, {0: 0, 1: 0})
    assert sorted(values(await read(reader, 4)), key=str) == [b"a", b"b", b"c", b"e"]


@scenario
async def test_the_offset_is_committed_with_the_records(cluster: Cluster) -> None:
    source, target, group = await cluster.topic(), await cluster.topic(), new_name("group")
    await publish(cluster, source, 0, b"a", b"b")
    writer = await started(cluster.writer(new_name("id")))
    offset = InputOffset(group, source, 0, 2)
    assert await committed_offset(cluster, offset) is None
    await writer.commit([Outbox(target, 0, entries(b"x"))], offset)
    assert await _becomes(cluster, offset, 2)
    assert values(await read(await reading(cluster, target, {0: 0}), 1)) == [b"x"]


@scenario
async def test_an_offset_alone_is_a_transaction_too(cluster: Cluster) -> None:
    source, group = await cluster.topic(), new_name("group")
    await publish(cluster, source, 0, b"a")
    writer = await started(cluster.writer(new_name("id")))
    assert await writer.commit([], InputOffset(group, source, 0, 1)) == []
    assert await writer.commit([], None) == []
    assert await _becomes(cluster, InputOffset(group, source, 0, 1), 1)


@scenario
async def test_transactions_of_many_batches_are_whole_and_in_order(cluster: Cluster) -> None:
    topic = await cluster.topic()
    writer = await started(cluster.writer(new_name("id")))
    written = [b"%06d" % n + bytes(10_000) for n in range(300)]
    assert await writer.commit([Outbox(topic, 0, [Entry(None, value) for value in written])], None) == [0]
    found = await read(await reading(cluster, topic, {0: 0}), 300)
    assert [record.offset for record in found] == list(range(300))
    assert values(found) == written


@scenario
async def test_a_new_writer_fences_the_last_one(cluster: Cluster) -> None:
    topic, writer_id = await cluster.topic(), new_name("id")
    old = await started(cluster.writer(writer_id))
    await old.commit([Outbox(topic, 0, entries(b"old"))], None)
    new = await started(cluster.writer(writer_id))
    for _ in range(2):
        with pytest.raises(Fenced):
            await old.commit([Outbox(topic, 0, entries(b"never"))], None)
    await new.commit([Outbox(topic, 0, entries(b"new"))], None)
    assert values(await read(await reading(cluster, topic, {0: 0}), 2)) == [b"old", b"new"]


@scenario
async def test_a_fence_in_the_middle_undoes_records_and_offset(cluster: Cluster) -> None:
    source, target, group = await cluster.topic(), await cluster.topic(), new_name("group")
    writer_id, offset = new_name("id"), InputOffset(group, source, 0, 5)
    old, held = await started(cluster.writer(writer_id)), cluster.hold(writer_id)
    commit = asyncio.create_task(old.commit([Outbox(target, 0, entries(b"lost"))], offset))
    await held.reached.wait()
    new = await started(cluster.writer(writer_id))

    # A writer that has started finds the log settled: nothing of its forerunner is open.
    reader = await reading(cluster, target, {0: 0})
    assert (await reader.bounds(0)).end == 2
    held.release.set()
    with pytest.raises(Fenced):
        await commit
    await new.commit([Outbox(target, 0, entries(b"kept"))], offset._replace(next_offset=3))
    assert values(await read(reader, 1)) == [b"kept"]
    assert await _becomes(cluster, offset, 3)


@scenario
async def test_a_transaction_that_takes_too_long_ends_the_writer_and_holds_readers_no_longer(cluster: Cluster) -> None:
    topic, writer_id = await cluster.topic(), new_name("id")
    writer, held = await started(cluster.writer(writer_id)), cluster.hold(writer_id)
    commit = asyncio.create_task(writer.commit([Outbox(topic, 0, entries(b"lost"))], None))
    await held.reached.wait()
    await publish(cluster, topic, 0, b"after")
    reader = await reading(cluster, topic, {0: 0})
    assert (await reader.bounds(0)).end == 0
    with pytest.raises(TransactionExpired):
        await commit
    with pytest.raises(TransactionExpired):
        await writer.commit([Outbox(topic, 0, entries(b"never"))], None)
    assert values(await read(reader, 1)) == [b"after"]
    assert (await reader.bounds(0)).end == 3


@scenario
async def test_a_refused_record_rolls_back_the_whole_transaction(cluster: Cluster) -> None:
    topic, source, group, writer_id = await cluster.topic(), await cluster.topic(), new_name("group"), new_name("id")
    writer = await started(cluster.writer(writer_id))
    await writer.commit([Outbox(topic, 0, entries(b"first"))], InputOffset(group, source, 0, 1))
    refused = await cluster.refused(writer_id)
    with pytest.raises(Aborted):
        await writer.commit([Outbox(topic, 0, entries(b"lost")), refused], InputOffset(group, source, 0, 9))
    with pytest.raises(Aborted):
        await writer.commit([Outbox(topic, 0, entries(b"never"))], None)
    await writer.close()
    writer = await started(cluster.writer(writer_id))
    await writer.commit([Outbox(topic, 0, entries(b"second"))], InputOffset(group, source, 0, 2))
    assert values(await read(await reading(cluster, topic, {0: 0}), 2)) == [b"first", b"second"]
    assert await _becomes(cluster, InputOffset(group, source, 0, 1), 2)


@scenario
async def test_a_cancelled_commit_ends_the_writer_and_its_transaction_with_the_next_owner(cluster: Cluster) -> None:
    topic, writer_id = await cluster.topic(), new_name("id")
    writer, held = await started(cluster.writer(writer_id)), cluster.hold(writer_id)
    commit = asyncio.create_task(writer.commit([Outbox(topic, 0, entries(b"lost"))], None))
    await held.reached.wait()
    commit.cancel()
    await asyncio.wait({commit})
    with pytest.raises((Aborted, TransactionExpired)):
        await writer.commit([Outbox(topic, 0, entries(b"never"))], None)
    await writer.close()
    successor = await started(cluster.writer(writer_id))
    await successor.commit([Outbox(topic, 0, entries(b"kept"))], None)
    assert values(await read(await reading(cluster, topic, {0: 0}), 1)) == [b"kept"]


@scenario
async def test_a_record_that_fits_in_no_batch_is_poison_and_costs_nothing(cluster: Cluster) -> None:
    topic = await cluster.topic()
    writer = await started(cluster.writer(new_name("id")))
    with pytest.raises(RecordTooLarge):
        await writer.commit([Outbox(topic, 0, [Entry(b"k", bytes(2_000_000))])], None)
    assert await writer.commit([Outbox(topic, 0, entries(b"a"))], None) == [0]


@scenario
async def test_writers_with_ids_of_their_own_do_not_meet(cluster: Cluster) -> None:
    topic = await cluster.topic(2)
    first, second = [await started(cluster.writer(new_name("id"))) for _ in range(2)]
    for n in range(3):
        await asyncio.gather(
            first.commit([Outbox(topic, 0, entries(b"a%d" % n))], None),
            second.commit([Outbox(topic, 1, entries(b"b%d" % n))], None),
        )
    assert values(await read(await reading(cluster, topic, {0: 0}), 3)) == [b"a0", b"a1", b"a2"]
    assert values(await read(await reading(cluster, topic, {1: 0}), 3)) == [b"b0", b"b1", b"b2"]


@scenario
async def test_no_writer_starts_while_the_log_is_away(cluster: Cluster) -> None:
    writer = cluster.absent().writer(new_name("id"))
    with pytest.raises(LogUnavailable):
        await writer.start()


async def _becomes(cluster: Cluster, offset: InputOffset, expected: int) -> bool:
    """Kafka makes an offset known just after the commit that it is part of."""

    async def is_known() -> bool:
        return await committed_offset(cluster, offset) == expected

    await until_async(is_known)
    return True
