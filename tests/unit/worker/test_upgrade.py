"""A release with other rules, and with a version of a command that the one before cannot read, takes over and gives back:
between batches, while commands come. Nothing that was decided is decided again, and an audit knows whose rules decided what.

The release before is this code. The one after it is a subclass: no order is larger than `MOST`, and `LATER` is a command.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from cli.audit import redecision
from cli.audit import run as auditing
from cli.audit.report import Found
from cli.audit.run import Wanted, audit
from cli.start import Start
from libs.book.snapshot import state_hash
from libs.events import topics
from libs.events.codec import decode_command, decode_event, encode
from libs.events.commands import AnyCommand, PlaceOrder
from libs.events.events import AnyEvent, CommandDeferred, CommandResumed, OrderAccepted, RulesChanged
from libs.events.values import FailureCause, Side
from libs.matching.engine import RULES, Engine
from libs.snapshots.recovering import Recovered
from services.orderbook_worker.deciding import Decider
from services.orderbook_worker.ownership import Owning
from sim.live import Live
from tests.unit.worker.venue import Cluster, Running, folded, running
from tests.unit.worker.virtual_loop import run

MOST = 5
LARGE = 9
LATER = 200
"""A tag that this code does not know."""
PLACE = PlaceOrder.__struct_config__.tag
BEFORE, AFTER = RULES, RULES + 1
BURST = 7
TAKEN_OVER = 3
"""Times that other rules began behind a command, each of which is an event that ends something too."""


class LaterEngine(Engine):
    __slots__ = ()
    rules = AFTER

    def handle(self, command: AnyCommand, offset: int, time: int) -> list[AnyEvent]:
        if isinstance(command, PlaceOrder) and command.size > MOST:
            command = replace(command, size=MOST)
        return super().handle(command, offset, time)


def later_decode(value: bytes) -> AnyCommand:
    """`LATER` asks for what a `PlaceOrder` does, and for something else besides."""
    tag, *fields = msgspec.msgpack.decode(value, type=list[Any])
    command: AnyCommand = decode_command(encode([PLACE, *fields[:-1]]) if tag == LATER else value)
    return command


def later_version(order: PlaceOrder) -> bytes:
    fields = [getattr(order, name) for name in order.__struct_fields__]
    return encode([LATER, *fields, {"unheard": "of"}])


class LaterOwning(Owning):
    def _decider(self, recovered: Recovered, next_command: int) -> Decider:
        made = super()._decider(recovered, next_command)
        engine = LaterEngine(recovered.state.partition, recovered.state)
        return Decider(
            engine, engine.handle, self._group, self._settings, made._faults, self._watchdog, decode=later_decode
        )


def later_worker(cluster: Cluster, instance: str) -> Running:
    made = cluster.worker(instance)
    worker = made.worker
    worker._owning = LaterOwning(made.process, made.log, worker._owning._group, worker._owning._watchdog)
    return made


@asynccontextmanager
async def orders_coming(cluster: Cluster) -> AsyncIterator[None]:
    """Without a pause, whoever is there to decide."""
    over = asyncio.Event()

    async def send() -> None:
        while not over.is_set():
            await cluster.publish(*(cluster.place(price=100 + at, size=LARGE) for at in range(BURST)))
            await asyncio.sleep(0.01)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        over.set()
        await sending


async def decided_under(cluster: Cluster, rules: int) -> None:
    """Until whoever decides now does it under these rules, and has taken some orders."""
    while True:
        events = [decode_event(record.value or b"") for record in await cluster.records(topics.ORDER_EVENTS)]
        changes = [event for event in events if isinstance(event, RulesChanged)]
        if changes and changes[-1].rules == rules:
            since = [event for event in events if event.seq > changes[-1].seq]
            if sum(isinstance(event, OrderAccepted) for event in since) >= 2 * BURST:
                return
        await asyncio.sleep(0.01)


async def one_after_the_other(cluster: Cluster) -> list[AnyEvent]:
    """This release, the one after it, back because that one died, and the one after it again."""
    await cluster.publish(cluster.listing())
    async with orders_coming(cluster):
        first = cluster.worker("w1")
        await first.start()
        await decided_under(cluster, BEFORE)
        second = later_worker(cluster, "w2")
        await second.start()
        await first.stop()
        await decided_under(cluster, AFTER)
        await second.kill()
        third = cluster.worker("w1")
        await third.start()
        await decided_under(cluster, BEFORE)
        last = later_worker(cluster, "w2")
        await last.start()
        await third.stop()
        await decided_under(cluster, AFTER)
    events = await cluster.events(len(await cluster.records(topics.ORDERS)) + TAKEN_OVER)
    await last.stop()
    assert state_hash(folded(events)) == state_hash(last.worker._copies._states[0].state)
    return events


async def audited(cluster: Cluster) -> Found:
    report = await audit(cluster.log, Wanted((), Start(word="earliest"), Start(word="latest")), Live(StringIO()))
    assert report.agrees, str(report)
    return report.found[0]


async def audited_by_the_release_after(cluster: Cluster) -> Found:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "Engine", LaterEngine)
        patch.setattr(redecision, "decode_command", later_decode)
        return await audited(cluster)


def test_rules_change_in_the_middle_of_traffic_and_what_was_decided_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = Cluster(tmp_path)
        events = await one_after_the_other(cluster)
        changes = [event.rules for event in events if isinstance(event, RulesChanged)]
        assert changes == [BEFORE, AFTER, BEFORE, AFTER]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        decided, rules = Counter[int](), 0
        for event in events:
            if isinstance(event, RulesChanged):
                rules = event.rules
            elif isinstance(event, OrderAccepted):
                assert event.size == (LARGE if rules == BEFORE else MOST)
            decided[rules] += event.last and not isinstance(event, RulesChanged)
        accepted = [event.command_offset for event in events if isinstance(event, OrderAccepted)]
        assert accepted == list(range(1, len(await cluster.records(topics.ORDERS))))
        for found, own, other in (
            (await audited(cluster), BEFORE, AFTER),
            (await audited_by_the_release_after(cluster), AFTER, BEFORE),
        ):
            assert (found.counts.redecided, found.counts.left_out) == (decided[own], {other: decided[other]})
            assert f"left out: {decided[other]:,} commands that version {other} of the rules decided" in "\n".join(
                found.lines()
            )

    run(scenario())


def test_a_command_of_a_later_version_waits_for_the_upgrade(tmp_path: Path) -> None:
    async def scenario() -> None:
        cluster = Cluster(tmp_path)
        order = cluster.place(size=LARGE)
        async with running(cluster, "w1"):
            await cluster.publish(cluster.listing())
            await cluster.publish_raw(later_version(order))
            await cluster.publish(cluster.place(Side.BUY, 90))
            await cluster.events(3)
        last = later_worker(cluster, "w2")
        await last.start()
        events = await cluster.events(4 + 1)
        await last.stop()
        about = [event for event in events if event.command_id == order.command_id]
        put_off, resumed, accepted = about[:3]
        assert isinstance(put_off, CommandDeferred)
        assert put_off.cause is FailureCause.VERSION
        assert isinstance(resumed, CommandResumed)
        assert isinstance(accepted, OrderAccepted)
        assert accepted.size == MOST
        assert (await audited(cluster)).counts.left_out == {AFTER: 1}
        assert (await audited_by_the_release_after(cluster)).counts.left_out == {BEFORE: 2}

    run(scenario())
