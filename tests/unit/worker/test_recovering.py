"""A take-over from snapshots: which one it uses, what it refuses and says so, and that none at all does as well."""

import asyncio
import io
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest
import structlog
from msgspec.structs import replace

from libs.book.snapshot import state_hash
from libs.service.clock import VirtualClock
from libs.service.process import Process
from libs.snapshots.envelope import Stored, seal
from libs.snapshots.memory_store import MemoryStore
from libs.snapshots.ports import Found, SnapshotStore, StoreAway
from libs.snapshots.recovering import Recovered
from libs.snapshots.snapshots import Snapshots
from services.orderbook_worker.settings import WorkerSettings
from services.orderbook_worker.takeover import Takeover
from tests.contract.snapshot_envelopes import resealed
from tests.unit.worker.histories import COMMANDS, NAME, after, sealed_after, traded
from tests.unit.worker.venue import Cluster, folded


class Away(MemoryStore):
    """A store that does not answer."""

    async def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        if partition >= 0:
            raise StoreAway("nobody answers")
        yield Found(0, b"", b"", 0)


class Desk:
    """Take-overs of a partition that has traded, with what each said."""

    def __init__(self, cluster: Cluster, store: SnapshotStore, cache: SnapshotStore | None = None) -> None:
        self.cluster = cluster
        self._stream = io.StringIO()
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(self._stream),
            processors=[structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(20),
        )
        self._snapshots = Snapshots(store, NAME, 3, VirtualClock(), self._logger, cache)

    async def take(self, kept: Recovered | None = None, **limits: int) -> Recovered:
        settings = replace(WorkerSettings(fold_timeout_ms=1), **limits)
        process = Process("orderbook-worker", settings, self._logger, VirtualClock())
        takeover = Takeover(self.cluster.log, self._snapshots, settings, self._logger, process.metrics)
        taken = await takeover.take(0, kept, lambda: True)
        await taken.writer.close()
        return taken.recovered

    def refusals(self) -> list[tuple[int, str, str]]:
        """Seq, store and reason of each snapshot that was refused, in the order of the log."""
        lines = [msgspec.json.decode(line) for line in self._stream.getvalue().splitlines()]
        return [(each["seq"], each["store"], each["reason"]) for each in lines if each["event"] == "snapshot refused"]

    def steps(self) -> set[str]:
        """Of the last take-over."""
        return set(msgspec.json.decode(self._stream.getvalue().splitlines()[-1])["milliseconds"])


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_from_nothing_it_folds_everything(cluster: Cluster) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        desk = Desk(cluster, MemoryStore())
        recovered = await desk.take()
        assert state_hash(recovered.state) == state_hash(state)
        assert recovered.saved_seq == 0
        assert "fold from the start" in desk.steps()

    asyncio.run(scenario())


def test_a_store_that_is_away_costs_a_longer_fold(cluster: Cluster) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        desk = Desk(cluster, Away())
        assert state_hash((await desk.take()).state) == state_hash(state)
        assert "fold from the start" in desk.steps()

    asyncio.run(scenario())


def test_the_newest_that_holds_is_taken_and_every_other_is_refused_by_name(cluster: Cluster) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        store = await sealed_after(cluster, 10, 20, 22, 24, 26, 28)
        kept = store.kept[0]
        kept[20] = kept[20]._replace(data=kept[20].data[:-9])
        kept[22] = await seal("another", 0, await after(cluster, 22), 0)
        kept[24] = await seal(NAME, 0, Stored(24, 24, b"no state"), 0)
        kept[26] = resealed(kept[26], form=9)
        kept[28] = await seal(NAME, 0, (await after(cluster, 26))._replace(seq=28), 0)
        desk = Desk(cluster, store)
        recovered = await desk.take()
        assert recovered.saved_seq == 10
        assert state_hash(recovered.state) == state_hash(state)
        assert desk.refusals() == [
            (28, "memory", "damaged"),
            (26, "memory", "future"),
            (24, "memory", "unusable"),
            (22, "memory", "foreign"),
            (20, "memory", "truncated"),
        ]

    asyncio.run(scenario())


def test_a_snapshot_that_the_log_does_not_continue_is_refused(cluster: Cluster) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        store = await sealed_after(cluster, 10)
        good = await after(cluster, 14)
        for seq, offset in ((16, 10**6), (18, good.next_event_offset), (20, good.next_event_offset + 20)):
            stored = Stored(seq, offset, (await after(cluster, seq)).data)
            await store.put(0, await seal(NAME, 0, stored, 0))
        desk = Desk(cluster, store)
        recovered = await desk.take()
        assert recovered.saved_seq == 10
        assert state_hash(recovered.state) == state_hash(state)
        assert [reason for _, _, reason in desk.refusals()] == ["detached"] * 3

    asyncio.run(scenario())


def test_a_snapshot_or_a_kept_state_from_before_the_log_was_wiped_is_refused(tmp_path: Path) -> None:
    """It goes on exactly where the new log ends, and nothing but its last event says that it is of another one."""

    async def scenario() -> None:
        before, now = Cluster(tmp_path / "before"), Cluster(tmp_path / "now")
        old = await traded(before)
        state = await traded(now)
        assert old.seq == state.seq
        store = await sealed_after(before, old.seq)
        desk = Desk(now, store)
        kept = Recovered(old, (await after(before, old.seq)).next_event_offset, old.seq)
        recovered = await desk.take(kept)
        assert state_hash(recovered.state) == state_hash(state) != state_hash(old)
        assert desk.refusals() == [(old.seq, "kept state", "detached"), (old.seq, "memory", "detached")]

    asyncio.run(scenario())


def test_this_machines_copy_spares_the_store_unless_it_is_far_behind(cluster: Cluster) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        store, cache = await sealed_after(cluster, 20), await sealed_after(cluster, 6)
        desk = Desk(cluster, store, cache)
        assert (await desk.take()).saved_seq == 6
        assert desk.steps() == {"fence", "cached snapshot"}
        assert (await desk.take(snapshot_cache_tail_events=10)).saved_seq == 20
        store.kept.clear()
        recovered = await desk.take(snapshot_cache_tail_events=10)
        assert recovered.saved_seq == 6
        assert state_hash(recovered.state) == state_hash(state)
        assert desk.refusals() == []

    asyncio.run(scenario())


def test_a_kept_state_goes_on_where_it_was(cluster: Cluster) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        halfway = await after(cluster, 15)
        kept = Recovered(folded((await cluster.events(COMMANDS))[:15]), halfway.next_event_offset, 3)
        desk = Desk(cluster, MemoryStore())
        recovered = await desk.take(kept)
        assert recovered.saved_seq == 3
        assert state_hash(recovered.state) == state_hash(state)
        assert desk.steps() == {"fence", "kept"}

    asyncio.run(scenario())


@pytest.mark.parametrize(("stored", "expected"), [(True, "stored snapshot"), (False, "old kept")])
def test_a_kept_state_that_is_far_behind_is_used_only_where_nothing_is_newer(
    cluster: Cluster, stored: bool, expected: str
) -> None:
    async def scenario() -> None:
        state = await traded(cluster)
        early = await after(cluster, 15)
        kept = Recovered(folded((await cluster.events(COMMANDS))[:15]), early.next_event_offset, 0)
        desk = Desk(cluster, await sealed_after(cluster, 20) if stored else MemoryStore())
        recovered = await desk.take(kept, snapshot_cache_tail_events=1)
        assert state_hash(recovered.state) == state_hash(state)
        assert recovered.saved_seq == (20 if stored else 0)
        assert expected in desk.steps()

    asyncio.run(scenario())
