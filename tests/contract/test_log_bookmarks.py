"""What a bookmark remembers, for whom, and that it needs no membership."""

import pytest

from libs.kafka.failures import LogUnavailable
from libs.kafka.ports import Bookmarks
from tests.contract.logs import Cluster, new_name, publish, scenario


async def started(bookmarks: Bookmarks) -> Bookmarks:
    await bookmarks.start()
    return bookmarks


@scenario
async def test_a_bookmark_is_there_for_the_next_process(cluster: Cluster) -> None:
    topic, name = await cluster.topic(2), new_name("bookmarks")
    await publish(cluster, topic, 1, b"a", b"b")
    first = await started(cluster.bookmarks(name))
    assert await first.get(topic, 1) is None
    await first.put(topic, 1, 1)
    await first.put(topic, 1, 2)
    await first.close()
    second = await started(cluster.bookmarks(name))
    assert (await second.get(topic, 0), await second.get(topic, 1)) == (None, 2)


@scenario
async def test_two_processes_mark_their_own_partitions_of_many_topics(cluster: Cluster) -> None:
    topics, name = [await cluster.topic(2), await cluster.topic(2)], new_name("bookmarks")
    for partition in (0, 1):
        process = await started(cluster.bookmarks(name))
        for topic in topics:
            await process.put(topic, partition, partition + 5)
    anyone = await started(cluster.bookmarks(name))
    assert [await anyone.get(topic, partition) for topic in topics for partition in (0, 1)] == [5, 6, 5, 6]


@scenario
async def test_a_bookmark_may_be_set_back_and_belongs_to_its_name(cluster: Cluster) -> None:
    topic, name = await cluster.topic(), new_name("bookmarks")
    bookmarks = await started(cluster.bookmarks(name))
    await bookmarks.put(topic, 0, 7)
    await bookmarks.put(topic, 0, 3)
    assert await bookmarks.get(topic, 0) == 3
    other = await started(cluster.bookmarks(new_name("others")))
    assert await other.get(topic, 0) is None


@scenario
async def test_without_a_log_there_are_none(cluster: Cluster) -> None:
    with pytest.raises(LogUnavailable):
        await cluster.absent().bookmarks("any").start()
