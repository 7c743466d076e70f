"""Commands that fail, on the in-memory log and in virtual time: each goes its way, and what is around it goes on."""

import asyncio
from collections.abc import Callable, Coroutine
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cli.audit.run import Wanted, audit
from cli.start import Start
from libs.book.snapshot import state_hash
from libs.events import topics
from libs.events.codec import decode_envelope, encode, with_attempt
from libs.events.commands import PlaceOrder
from libs.events.events import (
    AnyEvent,
    CommandDeadLettered,
    CommandDeferred,
    CommandRejected,
    OrderAccepted,
    OrderDone,
    OrderRejected,
    TradingStatusChanged,
)
from libs.events.values import DoneReason, FailureCause, RejectReason, Side, TradingStatus
from libs.kafka.failures import Aborted
from libs.kafka.memory import Point
from libs.kafka.ports import Record
from libs.matching import timing
from libs.service.failures import Fatal
from services.orderbook_worker import injecting
from services.orderbook_worker.failures import PartitionStuck
from services.orderbook_worker.injecting import consent
from sim.check.commands import Commands
from sim.check.outcomes import Outcomes
from sim.live import Live
from tests.unit.worker.venue import TRACE, Cluster, folded, running
from tests.unit.worker.virtual_loop import run

FAULTS = {"fault_prefix": "break:", "fault_consent": consent("outcry")}
LATER_TAG = 200
WRITER = "outcry-orders-0"

Test = Callable[[Cluster], Coroutine[Any, Any, None]]


def scenario(test: Test) -> Callable[[Path], None]:
    def runs(tmp_path: Path) -> None:
        async def within() -> None:
            cluster = Cluster(tmp_path)
            await test(cluster)
            await audited(cluster)

        run(within())

    runs.__name__, runs.__doc__ = test.__name__, test.__doc__
    return runs


async def checked(cluster: Cluster) -> None:
    """The same by the rules of the final check, which are its own."""
    asked = Commands(0)
    asked.add(await cluster.records(topics.ORDERS))
    outcomes = Outcomes(asked, 0)
    for record in await cluster.records(topics.ORDER_EVENTS):
        outcomes.read(record)
    assert outcomes.between


async def audited(cluster: Cluster) -> None:
    """What became of commands that failed is what the rules make of them."""
    await checked(cluster)
    report = await audit(cluster.log, Wanted((), Start(word="earliest"), Start(word="latest")), Live(StringIO()))
    assert report.agrees, str(report)


def faulty(cluster: Cluster, how: str, side: Side = Side.SELL, price: int = 100) -> PlaceOrder:
    """An order whose decision raises an error."""
    order = cluster.place(side, price)
    return replace(order, client_oid=f"break:{how}-{cluster.sent}")


def later(cluster: Cluster) -> tuple[bytes, bytes]:
    """A command of a later version, and its id: another tag, and a field that nobody knows."""
    order = cluster.place()
    head = [getattr(order, name) for name in order.__struct_fields__[:9]]
    return order.command_id, encode([LATER_TAG, *head, {"unheard": "of"}])


def kinds(events: list[AnyEvent], offset: int) -> list[str]:
    """What happened at one place of the log."""
    return [type(event).__name__ for event in events if event.command_offset == offset and event.number]


def about(events: list[AnyEvent], command_id: bytes) -> list[str]:
    return [type(event).__name__ for event in events if event.command_id == command_id]


def header(record: Record, name: str) -> str:
    return dict(record.headers)[name].decode()


@scenario
async def test_a_fault_is_put_off_once_and_then_decided(cluster: Cluster) -> None:
    order = faulty(cluster, "once")
    async with running(cluster, **FAULTS) as worker:
        await cluster.publish(cluster.listing(), cluster.place(), order, cluster.place(Side.BUY, 90))
        events = await cluster.events(5)
        assert kinds(events, 2) == ["CommandDeferred"]
        assert kinds(events, 3) == ["OrderAccepted", "OrderRested"]
        assert kinds(events, 4) == ["CommandResumed", "OrderAccepted", "OrderRested"]
        assert about(events, order.command_id) == ["CommandDeferred", "CommandResumed", "OrderAccepted", "OrderRested"]
    (back,) = (await cluster.records(topics.ORDERS))[4:]
    assert (back.key, dict(back.headers)) == (b"TEST", dict(TRACE))
    assert decode_envelope(back.value or b"").attempt == 1
    assert state_hash(folded(events)) == state_hash(worker.worker._copies._states[0].state)


@scenario
async def test_a_fault_that_repeats_is_a_dead_letter_with_its_outcome(cluster: Cluster) -> None:
    order = faulty(cluster, "always")
    async with running(cluster, **FAULTS) as worker:
        await cluster.publish(cluster.listing(), order, cluster.place())
        events = await cluster.events(4)
        assert about(events, order.command_id) == ["CommandDeferred", "CommandDeadLettered", "OrderRejected"]
        rejected = events[-1]
        assert isinstance(rejected, OrderRejected)
        assert rejected.reason is RejectReason.DEAD_LETTERED
        assert (rejected.order_id, rejected.client_oid, rejected.price) == (order.order_id, order.client_oid, 100)
        assert list(folded(events).dead_letters) == [3]
        await cluster.publish(cluster.place(Side.BUY, account="bob"))
        assert "TradeExecuted" in kinds(await cluster.events(5), 4)
    (letter,) = await cluster.records(topics.DLQ)
    assert (letter.key, letter.value) == (b"TEST", with_attempt(encode(order), 1))
    assert header(letter, "traceparent") == TRACE[0][1].decode()
    named = {name: header(letter, f"__dlq.errors.{name}") for name in ("topic", "partition", "offset", "group")}
    assert named == {"topic": "orders", "partition": "0", "offset": "3", "group": "outcry-orderbook-worker"}
    assert header(letter, "__dlq.errors.delivery.count") == "2"
    assert header(letter, "__dlq.errors.message") == "Injected: always, as was asked for"
    assert "injecting.py" in header(letter, "outcry.exception")
    assert header(letter, "outcry.reason") == "fault"
    assert header(letter, "outcry.first-failed-at") < header(letter, "outcry.failed-at")
    assert header(letter, "outcry.version").startswith("rules ")
    assert worker.process.metrics.counter("commands_deferred_total", "", cause="fault").value == 1


@scenario
async def test_bytes_without_an_envelope_are_a_dead_letter_at_once(cluster: Cluster) -> None:
    async with running(cluster):
        await cluster.publish(cluster.listing(), cluster.place())
        await cluster.publish_raw(b"\xc1", b"")
        await cluster.publish(cluster.place(Side.BUY, account="bob"))
        events = await cluster.events(5)
    for offset in (2, 3):
        (dead,) = [event for event in events if event.command_offset == offset]
        assert isinstance(dead, CommandDeadLettered)
        assert dead.cause is FailureCause.UNREADABLE
    assert "TradeExecuted" in kinds(events, 4)
    letters = await cluster.records(topics.DLQ)
    assert [letter.value for letter in letters] == [b"\xc1", b""]
    assert [header(letter, "outcry.reason") for letter in letters] == ["unreadable", "unreadable"]


@scenario
async def test_what_does_not_fit_into_a_dead_letter_is_cut_and_says_so(cluster: Cluster) -> None:
    async with running(cluster, letter_bytes=10):
        await cluster.publish_raw(bytes(20), later(cluster)[1])
        await cluster.events(2)
    letters = await cluster.records(topics.DLQ)
    assert [letter.value for letter in letters] == [bytes(10), later(cluster)[1][:10]]
    assert header(letters[0], "outcry.cut-from") == "20"


@scenario
async def test_a_later_version_waits_three_times_and_is_a_dead_letter_then(cluster: Cluster) -> None:
    command_id, command = later(cluster)
    async with running(cluster, snapshot_every_ms=3_600_000):
        await cluster.publish(cluster.listing())
        await cluster.publish_raw(command)
        await cluster.publish(cluster.place())
        events = await cluster.events(6, 200.0)
    tried = [event for event in events if event.command_id == command_id]
    assert [type(event).__name__ for event in tried[:4]] == 3 * ["CommandDeferred"] + ["CommandDeadLettered"]
    deferred = [event for event in tried if isinstance(event, CommandDeferred)]
    assert [(event.cause, event.tier, event.attempt) for event in deferred] == [
        (FailureCause.VERSION, tier, tier) for tier in (1, 2, 3)
    ]
    assert all(after.time >= before.due for before, after in zip(deferred, tried[1:], strict=False))
    assert isinstance(tried[-1], CommandRejected)
    (letter,) = await cluster.records(topics.DLQ)
    assert letter.value == with_attempt(command, 3)


@scenario
async def test_a_command_that_comes_back_outlives_its_workers(cluster: Cluster) -> None:
    order = faulty(cluster, "once")
    first = cluster.worker("w1", **FAULTS)
    await first.start()
    await cluster.publish(cluster.listing(), order)
    await cluster.events(2)
    await first.kill()
    async with running(cluster, "w1", **FAULTS):
        events = await cluster.events(3)
    assert about(events, order.command_id)[-1] == "OrderRested"


@scenario
async def test_a_bookmark_that_was_not_set_brings_nothing_back_twice(cluster: Cluster) -> None:
    async with running(cluster, **FAULTS):
        await cluster.publish(cluster.listing(), faulty(cluster, "once"))
        await cluster.events(3)
    cluster.broker.forget_offsets("outcry-retries")
    async with running(cluster, **FAULTS):
        second = faulty(cluster, "once")
        await cluster.publish(second)
        events = await cluster.events(5)
    assert about(events, second.command_id)[-1] == "OrderRested"
    assert len(await cluster.records(topics.ORDERS)) == 5
    assert cluster.broker.committed("outcry-retries", topics.RETRIES[0], 0)


@scenario
async def test_what_comes_back_twice_is_ignored_the_second_time(cluster: Cluster) -> None:
    order = faulty(cluster, "once")
    async with running(cluster, **FAULTS):
        await cluster.publish(cluster.listing(), order)
        await cluster.events(2)
        await cluster.publish_raw(*2 * [with_attempt(encode(order), 1)])
        events = await cluster.events(4)
        await cluster.publish(faulty(cluster, "once"))
        await cluster.events(6)
    came = about(events, order.command_id)
    assert came == ["CommandDeferred", "CommandResumed", "OrderAccepted", "OrderRested", "DuplicateIgnored"]
    assert len(await cluster.records(topics.ORDERS)) == 6


@scenario
async def test_an_abort_while_a_command_is_set_aside_changes_nothing(cluster: Cluster) -> None:
    order = faulty(cluster, "always")
    async with running(cluster, **FAULTS):
        await cluster.publish(cluster.listing())
        await cluster.events(1)
        for _ in range(2):
            cluster.faults.fail(Point.SENT, WRITER, Aborted("planned"))
        await cluster.publish(order)
        events = await cluster.events(3)
    assert about(events, order.command_id) == ["CommandDeferred", "CommandDeadLettered", "OrderRejected"]
    assert len(await cluster.records(topics.RETRIES[0])) == 1


@scenario
async def test_three_commands_that_fault_halt_their_product_until_it_is_resumed(cluster: Cluster) -> None:
    async with running(cluster, **FAULTS):
        await cluster.publish(cluster.listing(), *(faulty(cluster, "once") for _ in range(3)), cluster.place())
        events = await cluster.events(8)
        (halted,) = [event for event in events if isinstance(event, TradingStatusChanged)]
        assert halted.product.status is TradingStatus.HALTED
        assert halted.command_offset == 3
        assert "OrderRejected" in kinds(events, 4)
        assert "product halted after faults" in cluster.said.getvalue()
        await cluster.publish(cluster.status(TradingStatus.ONLINE), cluster.place())
        assert kinds(await cluster.events(10), 9) == ["OrderAccepted", "OrderRested"]


@scenario
async def test_too_many_commands_of_a_later_version_stop_the_partition_and_skip_nothing(cluster: Cluster) -> None:
    worker = cluster.worker("w1", later_version_commands=3, takeover_attempts=4)
    await worker.start()
    await cluster.publish(cluster.listing())
    await cluster.publish_raw(*(later(cluster)[1] for _ in range(4)))
    assert worker.task is not None
    with pytest.raises(PartitionStuck, match="3 commands of a later version wait"):
        await asyncio.wait_for(worker.task, 100)
    assert not await cluster.records(topics.DLQ)
    events = await cluster.events(4)
    assert [kinds(events, offset) for offset in range(1, 5)] == 3 * [["CommandDeferred"]] + [[]]


@pytest.mark.parametrize(("faults", "reason"), [(1, DoneReason.EXPIRED), (2, DoneReason.DEAD_LETTERED)])
def test_a_deadline_that_faults_twice_is_called_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: int, reason: DoneReason
) -> None:
    happen, left = timing._happen, [None] * faults

    def broken(*arguments: Any) -> None:
        happen(*arguments)
        if left:
            raise ZeroDivisionError(left.pop())

    async def within(cluster: Cluster) -> None:
        async with running(cluster):
            order = cluster.expiring(5_000)
            await cluster.publish(cluster.listing(), order, cluster.place())
            await cluster.events(3)
            monkeypatch.setattr(timing, "_happen", broken)
            events = await cluster.events(4)
        (done,) = [event for event in events if isinstance(event, OrderDone)]
        assert (done.order_id, done.reason) == (order.order_id, reason)
        assert not await cluster.records(topics.RETRIES[0])
        await audited(cluster)

    run(within(Cluster(tmp_path)))


@pytest.mark.parametrize(
    ("prefix", "consented"),
    [("break:", ""), ("", consent("outcry")), ("b:", consent("outcry")), ("break:", "break it")],
)
def test_faults_are_not_switched_on_by_a_slip(tmp_path: Path, prefix: str, consented: str) -> None:
    async def within() -> None:
        with pytest.raises(Fatal, match="OUTCRY_FAULT_CONSENT"):
            Cluster(tmp_path).worker("w1", fault_prefix=prefix, fault_consent=consented)

    run(within())


@scenario
async def test_without_the_setting_no_name_breaks_anything(cluster: Cluster) -> None:
    async with running(cluster):
        await cluster.publish(cluster.listing(), *(faulty(cluster, how) for how in ("once", "always", "exit", "hang")))
        events = await cluster.events(5)
    assert sum(isinstance(event, OrderAccepted) for event in events) == 4


class Death(BaseException):
    """Of a process, in the middle of a decision."""


def die(kind: str, _attempt: int) -> None:
    if kind == "exit":
        raise Death


def test_a_command_that_kills_is_found_and_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(injecting, "_break", die)

    async def within(cluster: Cluster) -> None:
        killer = faulty(cluster, "exit")
        around = [[cluster.place() for _ in range(5)] for _ in range(2)]
        await cluster.publish(cluster.listing(), *around[0], killer, *around[1])
        deaths = 0
        async with asyncio.timeout(1_000):
            while not await cluster.records(topics.DLQ):
                worker = cluster.worker("w1", **FAULTS)
                await worker.start()
                assert worker.task is not None
                letters = asyncio.create_task(cluster.some(topics.DLQ))
                await asyncio.wait({worker.task, letters}, return_when=asyncio.FIRST_COMPLETED)
                if worker.task.done():
                    assert isinstance(worker.task.exception(), Death)
                    deaths += 1
                    letters.cancel()
                else:
                    await worker.stop()
        async with running(cluster, **FAULTS) as last:
            events = await cluster.events(12)
        assert deaths == 2 + 3
        assert about(events, killer.command_id) == ["CommandDeadLettered", "OrderRejected"]
        assert [kinds(events, offset) for offset in (6, 7)] == [
            ["CommandDeadLettered", "OrderRejected"],
            ["OrderAccepted", "OrderRested"],
        ]
        (letter,) = await cluster.records(topics.DLQ)
        assert (header(letter, "outcry.reason"), letter.value) == ("crash", encode(killer))
        assert state_hash(folded(events)) == state_hash(last.worker._copies._states[0].state)
        await audited(cluster)

    run(within(Cluster(tmp_path)))
