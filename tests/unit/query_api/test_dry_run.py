"""A dry run over the in-memory log: what the rules would decide, on a copy that nobody sees."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from libs.book.snapshot import dump
from libs.events.codec import encode
from libs.events.commands import PlaceOrder
from libs.events.events import AnyEvent
from libs.events.topics import ORDER_EVENTS, ORDERS
from libs.events.values import FailureCause, OrderType, TimeInForce
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry
from libs.matching import Engine
from libs.service.clock import VirtualClock
from libs.service.problems import Problem
from libs.snapshots.envelope import Stored
from libs.snapshots.memory_store import MemoryStore
from libs.snapshots.snapshots import Snapshots
from services.query_api.dry_run.deciding import DryRun
from services.query_api.dry_run.trial import Trial, changes_in
from tests.unit.read_model.traffic import STEP, Traffic


class Scene:
    """A partition in which one order died."""

    def __init__(self) -> None:
        self.traffic = Traffic()
        self.traffic.rest("account-1", 5)
        self.dead = replace(
            self.traffic.place(), command_id=(identity := self.traffic.mint(self.traffic.number)), order_id=identity,
            client_oid="", type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, post_only=False, expire_time=0, key=0,
            price=9_000, size=5, stop_price=0, max_floor=0, funds=0,
        )  # fmt: skip
        self.offset = self.traffic.offset + 1
        self.traffic.time += STEP
        self.died: list[AnyEvent] = self.traffic.engine.fail(
            self.dead, self.offset, self.traffic.time, FailureCause.CRASH
        )
        self.traffic.events += self.died
        broker = Broker()
        broker.create_topic(ORDER_EVENTS, 1)
        broker.create_topic(ORDERS, 1)
        self.log = MemoryLog(broker)
        self.snapshots = Snapshots(MemoryStore(), "test", 3, VirtualClock(), structlog.get_logger())
        self.run = DryRun(self.log, self.snapshots, VirtualClock(self.traffic.time + STEP))

    async def begin(self) -> None:
        publisher = self.log.publisher()
        await publisher.publish(ORDER_EVENTS, 0, [Entry(None, encode(event)) for event in self.traffic.events])
        await publisher.publish(ORDERS, 0, [Entry(None, b"") for _ in range(self.offset + 1)])

    async def tried(self, **changes: Any) -> Any:
        return await self.run.run(Trial(0, self.offset, encode(self.dead), changes))

    async def whole_log(self) -> int:
        ends = []
        for topic in (ORDER_EVENTS, ORDERS):
            ends.append((await self.log.reader(topic, committed=False).bounds(0)).end)
        return sum(ends)


def run(scenario: Callable[[Scene], Awaitable[None]]) -> None:
    async def staged() -> None:
        scene = Scene()
        await scene.begin()
        before = await scene.whole_log()
        await scenario(scene)
        assert await scene.whole_log() == before

    asyncio.run(staged())


def names(found: dict[str, Any]) -> list[str]:
    return [each["event"] for each in found["events"]]


def test_the_events_that_a_replay_would_cause() -> None:
    async def scenario(scene: Scene) -> None:
        found = await scene.tried()
        assert (found["id"], found["seq"]) == (f"0:{scene.offset}", scene.traffic.state.seq)
        assert {"DeadLetterClosed", "OrderAccepted"} <= set(names(found))
        again = await scene.tried()
        assert names(again) == names(found)

    run(scenario)


def test_with_changes() -> None:
    async def scenario(scene: Scene) -> None:
        found = await scene.tried(price="0.01")
        (accepted,) = [each for each in found["events"] if each["event"] == "OrderAccepted"]
        assert accepted["price"] == "0.01"
        assert (await scene.tried(price=1))["unfit"]["field"] == "price"
        assert (await scene.tried(account="bob"))["unfit"]["field"] == "account"

    run(scenario)


def test_a_dead_letter_that_is_none_is_refused_by_the_engine() -> None:
    async def scenario(scene: Scene) -> None:
        found: Any = await scene.run.run(Trial(0, scene.offset - 1, encode(scene.dead)))
        assert [each.get("reason") for each in found["events"]] == ["no_dead_letter"]

    run(scenario)


def test_what_cannot_be_read() -> None:
    async def scenario(scene: Scene) -> None:
        assert "unreadable" in await scene.run.run(Trial(0, scene.offset, b"\xc1"))

    run(scenario)


def test_a_snapshot_spares_the_fold_and_changes_nothing() -> None:
    async def scenario(scene: Scene) -> None:
        before = await scene.tried()
        state = scene.traffic.state
        await scene.snapshots.save(0, Stored(state.seq, len(scene.traffic.events), dump(state)))
        assert names(await scene.tried()) == names(before)

    run(scenario)


def test_a_fault_is_told_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_engine: Engine, _command: PlaceOrder, _offset: int, _time: int) -> list[AnyEvent]:
        raise ZeroDivisionError("a test")

    async def scenario(scene: Scene) -> None:
        monkeypatch.setattr(Engine, "handle", broken)
        assert (await scene.tried())["fault"] == "ZeroDivisionError: a test"

    run(scenario)


def test_changes_are_read_strictly() -> None:
    assert changes_in(b"") == {}
    assert changes_in(b'{"changes":{"price":"1"}}') == {"price": "1"}
    for body in (b"{", b'{"change":{}}', b'{"changes":{"price":[1]}}', b"[]"):
        with pytest.raises(Problem):
            changes_in(body)
