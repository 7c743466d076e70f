"""Every store of snapshots keeps one contract: what was saved comes back whole, newest first, or is refused by name."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from libs.service.clock import VirtualClock
from libs.snapshots.envelope import Opened, Reason, Stored, open_head, seal
from libs.snapshots.ports import Sealed, SnapshotStore
from libs.snapshots.snapshots import Refusal, Snapshots
from tests.contract.snapshot_envelopes import resealed
from tests.contract.snapshot_stores import Clients, world

CLUSTER = "outcry"
KEPT = 3
Scenario = Callable[[Clients], Coroutine[Any, Any, None]]
Run = Callable[[Scenario], None]


def snapshot(seq: int, size: int = 35) -> Stored:
    return Stored(seq, seq * 2, bytes((seq + at) % 256 for at in range(size)))


def owner(store: SnapshotStore, cluster: str = CLUSTER) -> Snapshots:
    return Snapshots(store, cluster, KEPT, VirtualClock(), structlog.get_logger())


async def found(store: SnapshotStore, partition: int = 0) -> list[int | str]:
    """Seqs of what holds and reasons of what does not, as a take-over meets them."""
    return [
        each.why.reason.value if isinstance(each, Refusal) else each.head.seq
        async for each in owner(store).stored(partition)
    ]


@pytest.fixture(params=["memory", "disk", "log", "s3", "kafka", "redis"])
def on_store(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    servers = request.getfixturevalue("servers") if request.param in {"kafka", "redis"} else None
    s3 = request.getfixturevalue("s3") if request.param == "s3" else None
    made = world(request.param, tmp_path, servers, s3)

    async def run(scenario: Scenario) -> None:
        clients = Clients(made)
        try:
            await scenario(clients)
        finally:
            await clients.close()

    return lambda scenario: asyncio.run(run(scenario))


async def three(made: Clients) -> SnapshotStore:
    store = await made.store()
    for seq in (1, 2, 3):
        await owner(store).save(0, snapshot(seq))
    return store


async def sealed(store: SnapshotStore, seq: int) -> Sealed:
    async for each in store.newest_first(0):
        if each.seq == seq:
            return Sealed(each.seq, each.head, each.data)
    raise AssertionError(f"{seq} is not there")


def test_nothing_saved_is_nothing_found(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await made.store()
        assert await found(store) == []
        assert await owner(store).listed(0) == []

    on_store(scenario)


def test_what_was_saved_comes_back_the_newest_first_and_three_are_kept(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await made.store()
        for seq in range(1, 6):
            await owner(store).save(0, snapshot(seq))
        await owner(store).save(1, snapshot(9))
        whole = [each async for each in owner(store).stored(0) if isinstance(each, Opened)]
        assert [(each.head.seq, each.head.next_event_offset, each.data) for each in whole] == [
            snapshot(5),
            snapshot(4),
            snapshot(3),
        ]
        assert whole[0].head.saved_at == VirtualClock().now()
        assert await found(store, 1) == [9]

    on_store(scenario)


@pytest.mark.parametrize("size", [0, 1, 10, 3_000])
def test_any_size(on_store: Run, size: int) -> None:
    async def scenario(made: Clients) -> None:
        store = await made.store()
        await owner(store).save(0, snapshot(3, size))
        assert [each.data async for each in owner(store).stored(0) if isinstance(each, Opened)] == [
            snapshot(3, size).data
        ]

    on_store(scenario)


def test_a_list_needs_the_heads_alone(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await three(made)
        heads = [each async for each in store.newest_first(0, heads_only=True)]
        assert [(each.seq, each.data, each.size) for each in heads] == [(3, b"", 35), (2, b"", 35), (1, b"", 35)]
        assert [open_head(each, CLUSTER, 0).next_event_offset for each in heads] == [6, 4, 2]

    on_store(scenario)


def test_the_next_owner_keeps_three_too(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store, successor = await three(made), await made.store()
        await owner(successor).save(0, snapshot(4))
        assert await found(successor) == [4, 3, 2]
        assert await found(store) == [4, 3, 2]

    on_store(scenario)


def test_an_owner_of_yesterday_that_still_writes_harms_nothing(on_store: Run) -> None:
    """It knows three of its own, and the newer ones of the next owner or not: neither are touched."""

    async def scenario(made: Clients) -> None:
        old, successor = await three(made), await made.store()
        for seq in (10, 20, 30):
            await owner(successor).save(0, snapshot(seq))
        await owner(old).save(0, snapshot(4))
        assert (await found(successor))[:3] == [30, 20, 10]
        assert 4 in await found(successor)
        for seq in (40, 50):
            await asyncio.gather(owner(old).save(0, snapshot(5)), owner(successor).save(0, snapshot(seq)))
            assert (await found(successor))[0] == seq
        third = await made.store()
        await owner(third).save(0, snapshot(60))
        assert await found(third) == [60, 50, 40]

    on_store(scenario)


def test_what_an_owner_of_yesterday_saved_late_is_pruned_by_the_present_one(on_store: Run) -> None:
    """Without being told: who looks is a third."""

    async def scenario(made: Clients) -> None:
        old, successor, watcher = await three(made), await made.store(), await made.store()
        for seq in (10, 20, 30):
            await owner(successor).save(0, snapshot(seq))
        await owner(old).save(0, snapshot(4))
        await owner(successor).save(0, snapshot(40))
        assert await found(watcher) == [40, 30, 20]

    on_store(scenario)


def test_two_that_save_the_same_state_leave_it_whole(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        one, other = await three(made), await made.store()
        await asyncio.gather(*(owner(store).save(0, snapshot(7)) for store in (one, other)))
        assert await found(one) == [7, 3, 2]

    on_store(scenario)


def test_a_longer_one_of_the_same_name_is_replaced_whole(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await made.store()
        await owner(store).save(0, snapshot(7, 100))
        await owner(store).save(0, snapshot(7, 15))
        assert [each.data async for each in owner(store).stored(0) if isinstance(each, Opened)] == [
            snapshot(7, 15).data
        ]
        for seq in (8, 9, 10):
            await owner(store).save(0, snapshot(seq))
        assert await found(await made.store()) == [10, 9, 8]

    on_store(scenario)


def test_what_does_not_hold_is_refused_by_name_and_the_one_before_is_taken(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await three(made)
        good = await sealed(store, 3)
        flipped = bytes([good.data[0] ^ 1]) + good.data[1:]
        spoilt = [
            (good._replace(data=flipped), Reason.DAMAGED),
            (good._replace(data=good.data + b"more"), Reason.DAMAGED),
            (good._replace(head=b"bytes of something else", data=b""), Reason.DAMAGED),
            (good._replace(data=good.data[:20]), Reason.TRUNCATED),
            (good._replace(data=b""), Reason.TRUNCATED),
            (good._replace(head=good.head[:9], data=b""), Reason.TRUNCATED),
            (await seal("another", 0, snapshot(3), 0), Reason.FOREIGN),
            (await seal(CLUSTER, 1, snapshot(3), 0), Reason.FOREIGN),
            (resealed(good, form=2), Reason.FUTURE),
            (resealed(good, change=lambda head: replace(head, state_version=1_000)), Reason.FUTURE),
            ((await seal(CLUSTER, 0, snapshot(4), 0))._replace(seq=3), Reason.DAMAGED),
        ]
        for each, reason in spoilt:
            await store.put(0, each)
            assert await found(store) == [reason.value, 2, 1], each
        await store.put(0, good)
        assert await found(store) == [3, 2, 1]

    on_store(scenario)


def test_a_refusal_names_the_snapshot_and_the_store_and_is_listed(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await three(made)
        await store.put(0, (await seal("another", 0, snapshot(3), 0)))
        first = await anext(owner(store).stored(0))
        assert isinstance(first, Refusal)
        assert (first.seq, first.store) == (3, store.name)
        assert str(first.why) == "foreign: of cluster 'another', this is 'outcry'"
        listed = await owner(store).listed(0)
        assert [(each.seq, each.refused is None) for each in listed] == [(3, False), (2, True), (1, True)]

    on_store(scenario)


def test_foreign_ones_that_claim_to_be_newest_push_out_none_of_ours(on_store: Run) -> None:
    async def scenario(made: Clients) -> None:
        store = await made.store()
        for seq in (1_000, 1_001, 1_002):
            await store.put(0, await seal("another", 0, snapshot(seq), 0))
        for seq in range(1, 6):
            await owner(store).save(0, snapshot(seq))
        assert await found(store) == ["foreign"] * 3 + [5, 4, 3]

    on_store(scenario)
