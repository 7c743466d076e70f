"""Who owns which partition, when it is told so, and what it may do with it."""

import asyncio
import time
from collections.abc import Mapping

import pytest

from libs.kafka.failures import CommitRefused, InstanceContested, ListenerFailed, NotAssigned
from libs.kafka.ports import GroupReader
from tests.contract.logs import (
    LIMIT_S,
    Cluster,
    Recorder,
    joined,
    new_name,
    publish,
    read,
    scenario,
    until,
    until_async,
    values,
)


@scenario
async def test_a_lone_member_owns_all_and_reads_what_it_sought_and_resumed(cluster: Cluster) -> None:
    topic, recorder = await cluster.topic(3), Recorder()
    await publish(cluster, topic, 1, b"a", b"b", b"c")
    member = await joined(cluster.group(topic, new_name("group"), "one"), recorder)
    assert recorder.events == [("assigned", frozenset({0, 1, 2}))]
    assert recorder.generation == member.generation() > 0

    assert await member.poll(10, 0.2) == {}
    member.resume([1])  # never sought: still nothing
    assert await member.poll(10, 0.2) == {}
    member.seek(1, 1)
    member.resume([1])
    assert values(await read(member, 2)) == [b"b", b"c"]


@scenario
async def test_a_paused_partition_gives_nothing_and_goes_on_where_it_was(cluster: Cluster) -> None:
    topic, recorder = await cluster.topic(2), Recorder()
    await publish(cluster, topic, 0, *[b"%d" % n for n in range(6)])
    member = await joined(cluster.group(topic, new_name("group"), "one"), recorder)
    member.seek(0, 0)
    member.resume([0])
    first: list[bytes | None] = []
    while not first:
        first += values((await member.poll(2, 1.0)).get(0, ()))
    assert first == [b"0", b"1"]
    member.pause([0])
    assert await member.poll(10, 0.1) == {}
    assert await member.poll(10, 0.1) == {}
    member.resume([0])
    assert values(await read(member, 4)) == [b"2", b"3", b"4", b"5"]


@scenario
async def test_a_seek_discards_what_was_fetched_ahead(cluster: Cluster) -> None:
    topic, recorder = await cluster.topic(), Recorder()
    await publish(cluster, topic, 0, b"a", b"b", b"c")
    member = await joined(cluster.group(topic, new_name("group"), "one"), recorder)
    member.seek(0, 0)
    member.resume([0])
    assert values(await read(member, 3)) == [b"a", b"b", b"c"]
    member.seek(0, 1)
    assert values(await read(member, 2)) == [b"b", b"c"]


@scenario
async def test_two_members_share_and_everything_is_revoked_before_it_is_assigned(cluster: Cluster) -> None:
    topic, group, one, two = await cluster.topic(4), new_name("group"), Recorder(), Recorder()
    first = await joined(cluster.group(topic, group, "one"), one)
    alone = one.generation
    second = await joined(cluster.group(topic, group, "two"), two)
    await until(lambda: one.generation == two.generation > alone)
    assert one.events[:2] == [("assigned", frozenset(range(4))), ("revoked", frozenset(range(4)))]
    assert one.events[2][0] == "assigned"
    assert two.events == [("assigned", two.owned)]
    assert len(one.owned) == len(two.owned) == 2
    assert one.owned | two.owned == set(range(4))
    assert first.generation() == second.generation() == one.generation
    lost = min(two.owned)
    with pytest.raises(NotAssigned):
        first.seek(lost, 0)
    with pytest.raises(CommitRefused):
        await first.commit({lost: 1})
    first.resume([lost])
    first.pause([lost])


@scenario
async def test_a_member_that_leaves_is_followed_at_once(cluster: Cluster) -> None:
    topic, group, one, two = await cluster.topic(2), new_name("group"), Recorder(), Recorder()
    first = await joined(cluster.group(topic, group, "one"), one)
    await joined(cluster.group(topic, group, "two"), two)
    await until(lambda: len(one.owned) == len(two.owned) == 1)
    began = time.monotonic()
    await first.leave()
    assert one.events[-1][0] == "revoked"
    await until(lambda: len(two.owned) == 2)
    assert time.monotonic() - began < cluster.limits.session_timeout_s


@scenario
async def test_a_member_that_dies_is_followed_after_its_session(cluster: Cluster) -> None:
    topic, group, one, two = await cluster.topic(2), new_name("group"), Recorder(), Recorder()
    first = await joined(cluster.group(topic, group, "one"), one)
    survivor = await joined(cluster.group(topic, group, "two"), two)
    await until(lambda: len(one.owned) == len(two.owned) == 1)
    await cluster.crash(first)

    async def owns_all() -> bool:
        await survivor.poll(10, 0.05)
        return two.owned == {0, 1}

    await until_async(owns_all)
    assert one.events[-1][0] == "assigned"  # nobody told the dead


@scenario
async def test_a_static_member_that_comes_back_keeps_its_place_without_a_rebalance(cluster: Cluster) -> None:
    topic, group, one, two, again = await cluster.topic(4), new_name("group"), Recorder(), Recorder(), Recorder()
    first = await joined(cluster.group(topic, group, "one"), one)
    await joined(cluster.group(topic, group, "two"), two)
    await until(lambda: one.generation == two.generation and len(two.owned) == 2)
    owned, generation = one.owned, one.generation
    await cluster.crash(first)
    await joined(cluster.group(topic, group, "one"), again)
    assert (again.owned, again.generation) == (owned, generation)
    assert two.events[-1] == ("assigned", two.owned)
    assert two.generation == generation


@scenario
async def test_members_without_an_instance_share_and_leave_too(cluster: Cluster) -> None:
    topic, group, one, two = await cluster.topic(2), new_name("group"), Recorder(), Recorder()
    first = await joined(cluster.group(topic, group), one)
    await joined(cluster.group(topic, group), two)
    await until(lambda: len(one.owned) == len(two.owned) == 1)
    await first.leave()
    await until(lambda: len(two.owned) == 2)


@scenario
async def test_offsets_are_committed_by_group_and_partition(cluster: Cluster) -> None:
    topic, group, recorder = await cluster.topic(2), new_name("group"), Recorder()
    await publish(cluster, topic, 0, b"a", b"b")
    member = await joined(cluster.group(topic, group, "one"), recorder)
    assert await member.committed(0) is None
    await member.commit({0: 2})
    assert await member.committed(0) == 2
    assert await member.committed(1) is None
    await member.leave()
    successor, other = Recorder(), Recorder()
    assert await (await joined(cluster.group(topic, group, "one"), successor)).committed(0) == 2
    assert await (await joined(cluster.group(topic, new_name("other"), "one"), other)).committed(0) is None


@scenario
async def test_a_cancelled_poll_loses_nothing(cluster: Cluster) -> None:
    topic, recorder = await cluster.topic(), Recorder()
    member = await joined(cluster.group(topic, new_name("group"), "one"), recorder)
    member.seek(0, 0)
    member.resume([0])
    for n in range(5):
        polling = asyncio.create_task(member.poll(10, 5.0))
        await asyncio.sleep(0)
        polling.cancel()
        await asyncio.wait({polling})
        await publish(cluster, topic, 0, b"%d" % n)
    assert values(await read(member, 5)) == [b"0", b"1", b"2", b"3", b"4"]


@scenario
async def test_what_a_listener_raises_comes_out_of_the_next_poll(cluster: Cluster) -> None:
    class Faulty(Recorder):
        def assigned(self, partitions: frozenset[int], generation: int) -> None:
            super().assigned(partitions, generation)
            raise ZeroDivisionError("a bug")

    topic, recorder = await cluster.topic(), Faulty()
    member = await joined(cluster.group(topic, new_name("group"), "one"), recorder)
    with pytest.raises(ListenerFailed) as raised:
        await member.poll(10, 0.5)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


@scenario
async def test_two_processes_with_one_instance_id_are_found_out(cluster: Cluster) -> None:
    topic, group = await cluster.topic(2), new_name("group")
    members = [cluster.group(topic, group, "same") for _ in range(2)]
    for member in members:
        await member.start(Recorder())

    async def poll_both() -> None:
        while True:
            for member in members:
                await member.poll(10, 0.05)

    with pytest.raises(InstanceContested, match="same"):
        await poll_both()


@scenario
async def test_a_topic_that_grows_is_shared_anew_also_when_members_came_back_meanwhile(cluster: Cluster) -> None:
    topic, group = await cluster.topic(2), new_name("group")
    recorders = {name: Recorder() for name in ("one", "two")}
    members = {name: cluster.group(topic, group, name) for name in recorders}
    for name, member in members.items():
        await member.start(recorders[name])
    await shared(members, recorders, 2)
    await cluster.grow(topic, 4)
    for (
        name,
        recorder,
    ) in recorders.items():  # whoever leads the group is among them, and knows of no growth when it is back
        await cluster.crash(members[name])
        members[name] = cluster.group(topic, group, name)
        await members[name].start(recorder)
    await shared(members, recorders, 4)


async def shared(members: Mapping[str, GroupReader], recorders: Mapping[str, Recorder], partitions: int) -> None:
    """Poll until all partitions are owned, half by each."""
    async with asyncio.timeout(LIMIT_S):
        while [len(each.owned) for each in recorders.values()] != [partitions // 2] * 2:
            for member in members.values():
                await member.poll(10, 0.05)
    assert sorted(at for each in recorders.values() for at in each.owned) == list(range(partitions))
