"""`outcry snapshot list|show|verify` on a partition that has traded."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from cli.__main__ import main, parser
from cli.problem import CannotDo
from cli.snapshot.run import Asked, answer, asked_of
from cli.snapshot.source import Source
from cli.snapshot.texts import age, columns, size
from libs.book.snapshot import dump, state_hash
from libs.service.clock import VirtualClock
from libs.snapshots.envelope import Stored, seal
from libs.snapshots.memory_store import MemoryStore
from libs.snapshots.snapshots import Snapshots
from tests.unit.worker.histories import NAME, after, sealed_after, traded
from tests.unit.worker.venue import Cluster, folded

LIST = Asked("list", (), None, False, False)
SHOW = Asked("show", (0,), None, False, False)
VERIFY = Asked("verify", (), None, False, False)
Scenario = Callable[[Cluster], Coroutine[Any, Any, None]]


@pytest.fixture
def on_cluster(tmp_path: Path) -> Callable[[Scenario], None]:
    async def run(scenario: Scenario) -> None:
        cluster = Cluster(tmp_path)
        await traded(cluster)
        await scenario(cluster)

    return lambda scenario: asyncio.run(run(scenario))


async def asked(
    cluster: Cluster, store: MemoryStore, what: Asked, cache: MemoryStore | None = None
) -> tuple[int, list[str]]:
    """Exit code and lines."""
    clock = VirtualClock()
    snapshots = Snapshots(store, NAME, 3, clock, structlog.get_logger(), cache)
    lines: list[str] = []
    code = await answer(what, Source(cluster.log, snapshots, clock), lines.append)
    return code, lines


def test_without_any_it_says_so(on_cluster: Callable[[Scenario], None]) -> None:
    async def scenario(cluster: Cluster) -> None:
        for what in (LIST, VERIFY):
            code, lines = await asked(cluster, MemoryStore(), what)
            assert code == 0
            assert lines == [
                "No snapshots: a worker saves one when a state has changed for a while, and folds the log until then."
            ]
            assert await asked(cluster, MemoryStore(), what._replace(json=True)) == (0, [])
        with pytest.raises(CannotDo, match="Partition 0 has no snapshot; there is none: its owner folds the log"):
            await asked(cluster, MemoryStore(), SHOW)

    on_cluster(scenario)


def test_the_list_has_store_and_copy_and_what_is_refused(on_cluster: Callable[[Scenario], None]) -> None:
    async def scenario(cluster: Cluster) -> None:
        store, cache = await sealed_after(cluster, 10, 20, 30), await sealed_after(cluster, 30)
        store.kept[0][20] = store.kept[0][20]._replace(data=b"short")
        cache.name = "cache"
        _, lines = await asked(cluster, store, LIST, cache)
        assert lines[0].split() == ["partition", "seq", "offset", "to", "fold", "age", "size", "store", "state"]
        assert [line.split()[1] for line in lines[1:]] == ["30", "20", "10", "30"]
        assert "truncated: 5 of" in lines[2]
        assert lines[4].endswith("cache   complete")
        _, described = await asked(cluster, store, LIST._replace(json=True), cache)
        newest = msgspec.json.decode(described[0])
        assert newest["state_hash"] == state_hash(folded((await cluster.events(26))[:30]))
        assert newest["offsets_to_fold"] > 0
        assert "truncated" in msgspec.json.decode(described[1])["refused"]

    on_cluster(scenario)


def test_one_is_shown_with_its_products_orders_window_and_hash(on_cluster: Callable[[Scenario], None]) -> None:
    async def scenario(cluster: Cluster) -> None:
        store = await sealed_after(cluster, 10, 20)
        expected = state_hash(folded((await cluster.events(26))[:10]))
        _, lines = await asked(cluster, store, SHOW._replace(seq=10))
        assert f"  state hash    {expected}" in lines
        assert "  orders        4 open" in lines
        assert "  window        5 commands" in lines
        assert lines[-1].split() == ["TEST", "256", "online", "0", "-", "4", "100", "0", "9"]
        _, described = await asked(cluster, store, SHOW._replace(json=True))
        assert msgspec.json.decode(described[0])["seq"] == 20
        assert msgspec.json.decode(described[0])["products"][0]["asks"] == 9
        with pytest.raises(CannotDo, match="Partition 0 has no snapshot after event 15; there are 10, 20"):
            await asked(cluster, store, SHOW._replace(seq=15))
        store.kept[0][20] = store.kept[0][20]._replace(data=b"short")
        with pytest.raises(CannotDo, match="after event 20 of memory is refused: truncated"):
            await asked(cluster, store, SHOW._replace(seq=20))
        assert (await asked(cluster, store, SHOW))[1][0].startswith("partition 0 of cluster outcry, after event 10")

    on_cluster(scenario)


@pytest.mark.parametrize("from_start", [True, False])
def test_what_the_log_adds_up_to_holds(on_cluster: Callable[[Scenario], None], from_start: bool) -> None:
    async def scenario(cluster: Cluster) -> None:
        store = await sealed_after(cluster, 10, 20, 30)
        code, lines = await asked(cluster, store, VERIFY._replace(from_start=from_start, json=True))
        verdicts = [msgspec.json.decode(line) for line in lines]
        of_zero = [each for each in verdicts if each["partition"] == 0]
        assert code == 0
        assert [(each["seq"], each["holds"]) for each in of_zero] == [(10, True), (20, True), (30, True), (None, True)]
        assert of_zero[-1]["state_hash"] == state_hash(folded(await cluster.events(26)))
        assert ("the first event" in of_zero[1]["detail"]) == from_start

    on_cluster(scenario)


def test_what_it_does_not_is_named(on_cluster: Callable[[Scenario], None]) -> None:
    async def scenario(cluster: Cluster) -> None:
        store = await sealed_after(cluster, 10, 12, 20, 30)
        wrong = folded((await cluster.events(26))[:20])
        wrong.window.watermark = 1
        right = await after(cluster, 30)
        moved = right._replace(next_event_offset=right.next_event_offset + 1)
        await store.put(0, await seal(NAME, 0, (await after(cluster, 20))._replace(data=dump(wrong)), 0))
        await store.put(0, await seal(NAME, 0, moved, 0))
        await store.put(0, await seal(NAME, 0, Stored(40, 10**6, (await after(cluster, 40)).data), 0))
        store.kept[0][12] = store.kept[0][12]._replace(data=b"short")
        code, lines = await asked(cluster, store, VERIFY._replace(partitions=(0,)))
        assert code == 1
        failed = {line.split("seq ")[1].split()[0]: line for line in lines if "FAILED" in line}
        assert "truncated: 5 of" in failed["12"]
        assert "differs: 10 events after event 10 of memory add up to" in failed["20"]
        assert f"detached: it goes on at {moved.next_event_offset}, and event 30 ends" in failed["30"]
        assert "detached: it goes on at 1000000" in failed["40"]
        assert lines[-1].startswith("partition 0  holds   end of the log")

    on_cluster(scenario)


def test_a_snapshot_of_another_log_is_not_folded_from(tmp_path: Path) -> None:
    async def scenario() -> None:
        before, now = Cluster(tmp_path / "before"), Cluster(tmp_path / "now")
        await traded(before)
        await traded(now)
        code, lines = await asked(now, await sealed_after(before, 10, 30), VERIFY._replace(partitions=(0,)))
        assert code == 1
        assert len(lines) == 2
        assert all("detached: order-events/0 has event" in line and "not its last one" in line for line in lines)

    asyncio.run(scenario())


def test_a_partition_that_is_not_there(on_cluster: Callable[[Scenario], None]) -> None:
    async def scenario(cluster: Cluster) -> None:
        for what in (LIST, SHOW, VERIFY):
            with pytest.raises(CannotDo, match="There is no partition 7: they are 0 to 1"):
                await asked(cluster, MemoryStore(), what._replace(partitions=(7,)))
        with pytest.raises(CannotDo, match="Partition 1 has no snapshot; there is none"):
            await asked(cluster, MemoryStore(), VERIFY._replace(partitions=(1,)))

    on_cluster(scenario)


def test_words() -> None:
    assert asked_of(parser().parse_args(["snapshot", "list", "--json"])) == LIST._replace(json=True)
    assert asked_of(parser().parse_args(["snapshot", "show", "3", "--seq", "7"])) == SHOW._replace(
        partitions=(3,), seq=7
    )
    assert asked_of(parser().parse_args(["snapshot", "verify", "1", "2", "--from-start"])) == VERIFY._replace(
        partitions=(1, 2), from_start=True
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "set OUTCRY_KAFKA"),
        ({"OUTCRY_KAFKA": "127.0.0.1:1", "OUTCRY_SNAPSHOTS": "tape"}, "OUTCRY_SNAPSHOTS='tape'"),
        ({"OUTCRY_KAFKA": "127.0.0.1:1", "OUTCRY_SNAPSHOTS": "s3"}, "s3://bucket/prefix would do"),
        ({"OUTCRY_KAFKA": "127.0.0.1:1", "OUTCRY_SNAPSHOTS_URL": "x"}, "the store kafka has no address"),
    ],
)
def test_settings_that_do_not_fit_are_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    said: str,
) -> None:
    monkeypatch.delenv("OUTCRY_KAFKA", raising=False)
    monkeypatch.setenv("OUTCRY_DATA_DIR", str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["snapshot", "list"]) == 1
    assert said in capsys.readouterr().err


def test_texts() -> None:
    assert [age(seconds * 10**9) for seconds in (-1, 0, 1, 90, 119, 120, 7_199, 7_200, 172_800)] == [
        "0 s", "0 s", "1 s", "90 s", "119 s", "2 min", "119 min", "2 h", "2 d",
    ]  # fmt: skip
    assert [size(count) for count in (0, 999, 1_000, 1_234_567, 2 * 10**9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.2 MB",
        "2.0 GB",
    ]
    assert columns([("a", "b"), ("10", "x")], left=frozenset((1,))) == [" a  b", "10  x"]
