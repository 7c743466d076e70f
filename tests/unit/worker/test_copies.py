"""Warm copies: whoever takes a partition over has only the tail to read, and no copy is believed against the log."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from libs.book.snapshot import state_hash
from libs.events.topics import BOOK_SNAPSHOTS, ORDER_EVENTS
from libs.kafka.failures import LogUnavailable
from libs.kafka.memory import Point
from libs.snapshots.recovering import Recovered
from tests.unit.worker.venue import LIMIT_S, PARTITIONS, Cluster, Running, folded, running
from tests.unit.worker.virtual_loop import run

NEVER_MS = 3_600_000
WARM = {"warm_copies": PARTITIONS, "snapshot_every_ms": NEVER_MS}
LOOK_S = 0.1


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


async def until(condition: Callable[[], bool]) -> None:
    """In virtual time."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(LOOK_S)


def copy_of(worker: Running) -> Recovered | None:
    """Of the first partition."""
    return worker.worker._copies._states.get(0)


def copied(worker: Running, seq: int) -> bool:
    copy = copy_of(worker)
    return copy is not None and copy.state.seq == seq


def takeovers(worker: Running, step: str) -> float:
    return worker.process.registry.get_sample_value("takeover_seconds_count", {"step": step}) or 0.0


async def trade(cluster: Cluster, commands: int) -> int:
    """That many places more; the seq after them."""
    await cluster.publish(*(cluster.place(price=100 + at) for at in range(commands)))
    return len(await cluster.events(cluster.sent))


async def owning(cluster: Cluster, worker: Running, seq: int) -> None:
    """The first partition, with all its events."""
    lanes = worker.worker._lanes
    await until(lambda: 0 in lanes and lanes[0].committed_seq == seq)


def test_a_copy_follows_the_owner_and_is_where_the_next_one_begins(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, "w1", **WARM) as owner, running(cluster, "w2", **WARM) as other:
            await cluster.publish(cluster.listing())
            await trade(cluster, 20)
            seq = await trade(cluster, 20)
            await until(lambda: copied(other, seq))
            copy = copy_of(other)
            assert copy is not None
            assert state_hash(copy.state) == state_hash(folded(await cluster.events(cluster.sent)))
            await owner.kill()
            await owning(cluster, other, seq)
            assert other.worker._lanes[0].engine.state is copy.state
            assert takeovers(other, "fold from the start") == takeovers(other, "kept") - 1 == 1
            assert await trade(cluster, 1) > seq

    run(scenario())


Damage = Callable[[Recovered, Recovered], Recovered]
"""From an earlier and the present copy, one that is not of this log."""


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _, now: now._replace(next_event_offset=now.next_event_offset + 9), id="ahead of the log"),
        pytest.param(lambda _, now: now._replace(next_event_offset=now.next_event_offset - 3), id="at another event"),
        pytest.param(lambda old, now: now._replace(state=old.state), id="of an earlier state"),
        pytest.param(lambda old, now: old._replace(next_event_offset=0), id="at the start"),
    ],
)
def test_a_copy_that_the_log_disagrees_with_is_not_used(cluster: Cluster, damage: Damage) -> None:
    async def scenario() -> None:
        async with running(cluster, "w1", **WARM) as owner, running(cluster, "w2", **WARM) as other:
            await cluster.publish(cluster.listing())
            old = Recovered(folded(await cluster.events(1)), 2, 0)
            seq = await trade(cluster, 20)
            await until(lambda: copied(other, seq))
            copy = copy_of(other)
            assert copy is not None
            wrong = damage(old, copy)
            await owner.kill()
            other.worker._copies.keep(0, wrong)
            await owning(cluster, other, seq)
            state = other.worker._lanes[0].engine.state
            assert state is not wrong.state
            assert state_hash(state) == state_hash(folded(await cluster.events(cluster.sent)))
            assert '"event":"snapshot refused"' in cluster.said.getvalue()

    run(scenario())


def test_a_copy_begins_with_a_snapshot_and_goes_on_after_the_log_was_away(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, "w1", snapshot_every_ms=200) as owner:
            await cluster.publish(cluster.listing())
            seq = await trade(cluster, 20)
            await cluster.some(BOOK_SNAPSHOTS)
            async with running(cluster, "w2", **WARM) as other:
                await until(lambda: copied(other, seq))
                copy = copy_of(other)
                assert copy is not None
                assert copy.saved_seq == seq
                cluster.faults.fail(Point.POLL, ORDER_EVENTS, LogUnavailable("gone for a moment"))
                await until(lambda: not other.worker._copies._followed)
                seq = await trade(cluster, 20)
                await until(lambda: copied(other, seq))
            assert owner.task is not None
            assert not owner.task.done()

    run(scenario())


def test_a_copy_that_cannot_be_folded_is_dropped_and_trading_goes_on(cluster: Cluster) -> None:
    async def scenario() -> None:
        async with running(cluster, "w1", **WARM), running(cluster, "w2", **WARM) as other:
            await cluster.publish(cluster.listing())
            seq = await trade(cluster, 5)
            await until(lambda: copied(other, seq))
            copy = copy_of(other)
            assert copy is not None
            copy.state.seq -= 1
            await trade(cluster, 5)
            await until(lambda: copy_of(other) is None)
            assert '"event":"copy dropped"' in cluster.said.getvalue()
            assert len(await cluster.events(cluster.sent)) > seq

    run(scenario())


@pytest.mark.parametrize("most", [0, 1])
def test_no_more_copies_than_are_wanted(cluster: Cluster, most: int) -> None:
    async def scenario() -> None:
        async with (
            running(cluster, "w1", snapshot_every_ms=NEVER_MS),
            running(cluster, "w2", snapshot_every_ms=NEVER_MS) as second,
            running(cluster, "w3", warm_copies=most, snapshot_every_ms=NEVER_MS) as third,
        ):
            await cluster.publish(cluster.listing())
            seq = await trade(cluster, 5)
            await until(lambda: len(second.worker._lanes) == 1 and third.worker._generation >= 0)
            if most:
                await until(lambda: copied(third, seq))
            assert len(third.worker._copies._states) == most

    run(scenario())
