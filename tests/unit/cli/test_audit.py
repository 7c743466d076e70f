"""`outcry audit` over the log of a worker on the in-memory twin, as it is and as it was tampered with."""

import asyncio
import io
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import structlog
from msgspec.structs import force_setattr, replace

from cli.__main__ import parser
from cli.audit.report import Found, Report
from cli.audit.run import Wanted, audit
from cli.problem import CannotDo
from cli.start import Start
from libs.book.fold import fold
from libs.book.partition import PartitionState
from libs.events import topics
from libs.events.codec import decode_event, encode
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent, OrderRested, RulesChanged, TradeExecuted
from libs.events.values import NO_ID, Side
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.memory.storage import Partition, Slot
from libs.kafka.ports import Entry
from libs.matching.engine import RULES, Engine
from libs.service.clock import VirtualClock
from libs.snapshots.snapshots import Snapshots
from sim.live import Live
from tests.unit.worker.histories import NAME, sealed_after
from tests.unit.worker.venue import Cluster, running

COMMANDS = 301
EVERYTHING = Wanted((), Start(word="earliest"), Start(word="latest"))


async def traded(cluster: Cluster, count: int = COMMANDS) -> None:
    """A worker decides so many commands, in a few transactions."""
    chance = random.Random(7)
    places = [
        replace(
            cluster.place(chance.choice(list(Side)), chance.randrange(95, 106), chance.randrange(1, 9)),
            account=f"account-{at}",
        )
        for at in range(count - 1)
    ]
    await cluster.publish(cluster.listing(), *places[:100])
    async with running(cluster, batch_commands=40, commit_gap_ms=0):
        await cluster.publish(*places[100:])
        await cluster.events(count)


def audited(cluster: Cluster, wanted: Wanted = EVERYTHING) -> Report:
    async def scenario() -> Report:
        async with asyncio.timeout(20):
            return await audit(cluster.log, wanted, Live(io.StringIO()))

    return asyncio.run(scenario())


def between(start: int, end: int) -> Wanted:
    return Wanted([0], Start(offset=start), Start(offset=end))


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path)
    asyncio.run(traded(made))
    return made


def stored(cluster: Cluster, topic: str) -> Partition:
    """Partition 0 itself: the broker would ask a running loop for the time."""
    return cluster.broker._topics[topic][0]


def rewrite(cluster: Cluster, change: Callable[[list[Slot]], None], topic: str = topics.ORDER_EVENTS) -> None:
    """Change what stands in partition 0, as nobody can in Kafka without being seen here."""
    slots = stored(cluster, topic)._slots
    change(slots)
    slots[:] = [
        slot if slot.record is None else slot._replace(record=slot.record._replace(offset=at))
        for at, slot in enumerate(slots)
    ]


def event_at(slots: list[Slot], number: int, kind: type[AnyEvent]) -> tuple[int, AnyEvent]:
    """Where the event `number` of a kind stands."""
    found = [(at, decode_event(slot.record.value or b"")) for at, slot in enumerate(slots) if slot.record is not None]
    return [(at, event) for at, event in found if isinstance(event, kind)][number]


def put(slots: list[Slot], at: int, event: AnyEvent) -> None:
    record = slots[at].record
    assert record is not None
    slots[at] = slots[at]._replace(record=record._replace(value=encode(event)))


def first(report: Report) -> Found:
    return report.found[0]


def test_a_real_run_agrees(cluster: Cluster) -> None:
    report = audited(cluster)
    assert report.agrees
    found = first(report)
    assert (found.counts.redecided, found.counts.folded, found.undecided) == (COMMANDS, 0, 0)
    assert found.counts.events + found.counts.given == sum(
        slot.record is not None for slot in stored(cluster, topics.ORDER_EVENTS)._slots
    )
    assert found.counts.given == 1
    assert report.found[1].counts.redecided == 0
    assert "the log and the rules agree" in report.lines()[-1]


def test_a_range_in_the_middle_is_decided_from_a_folded_state(cluster: Cluster) -> None:
    found = first(audited(cluster, between(120, 180)))
    assert found.difference is None
    assert (found.counts.folded, found.counts.redecided) == (120, 60)


def test_a_tampered_price_is_named_field_by_field(cluster: Cluster) -> None:
    where: list[int] = []

    def change(slots: list[Slot]) -> None:
        at, event = event_at(slots, 1, TradeExecuted)
        force_setattr(event, "price", 7)
        put(slots, at, event)
        where.append(at)

    rewrite(cluster, change)
    report = audited(cluster)
    found = first(report)
    assert not report.agrees
    assert found.difference is not None
    assert found.difference.place.event == where[0]
    assert [(field.name, field.published) for field in found.difference.fields] == [("price", "7")]
    text = "\n".join(report.lines())
    assert f"order-events/0 offset {where[0]}, seq {found.difference.place.seq}" in text
    assert "/  published 7" in text
    plain = msgspec.json.decode(msgspec.json.encode(report.plain()))
    assert plain["agrees"] is False
    assert plain["partitions"][0]["difference"]["fields"][0]["name"] == "price"
    assert plain["partitions"][1]["difference"] is None


def test_an_event_that_was_taken_away_is_found(cluster: Cluster) -> None:
    def change(slots: list[Slot]) -> None:
        del slots[event_at(slots, 30, OrderRested)[0]]

    rewrite(cluster, change)
    difference = first(audited(cluster)).difference
    assert difference is not None
    assert {"event", "seq"} & {field.name for field in difference.fields}


def test_an_event_that_was_put_in_is_found(cluster: Cluster) -> None:
    def change(slots: list[Slot]) -> None:
        at, _ = event_at(slots, 30, OrderRested)
        slots.insert(at, slots[at])

    rewrite(cluster, change)
    assert not audited(cluster).agrees


def test_a_log_that_ends_within_a_command_is_found(cluster: Cluster) -> None:
    def change(slots: list[Slot]) -> None:
        while slots[-1].record is None:
            slots.pop()
        slots.pop()

    async def long_sweep() -> None:
        async with running(cluster):
            await cluster.publish(cluster.place(Side.BUY, 200, 10))
            await cluster.events(COMMANDS + 1)

    asyncio.run(long_sweep())
    rewrite(cluster, change)
    difference = first(audited(cluster)).difference
    assert difference is not None
    assert difference.place.event == -1
    assert "ends within a command" in difference.what


def test_a_tampered_event_before_the_range_is_taken_as_given_unless_it_does_not_follow(cluster: Cluster) -> None:
    def hole(slots: list[Slot]) -> None:
        del slots[event_at(slots, 3, OrderRested)[0]]

    rewrite(cluster, hole)
    difference = first(audited(cluster, between(200, 210))).difference
    assert difference is not None
    assert "does not follow" in difference.what


def test_a_command_that_is_gone_is_named(cluster: Cluster) -> None:
    def change(slots: list[Slot]) -> None:
        del slots[250:]

    rewrite(cluster, change, topics.ORDERS)
    found = first(audited(cluster, between(0, 10_000)))
    assert found.difference is None
    assert found.counts.redecided == 250

    rewrite(cluster, lambda slots: slots.__setitem__(9, slots[9]._replace(record=None)), topics.ORDERS)
    difference = first(audited(cluster)).difference
    assert difference is not None
    assert (difference.place.command, difference.what) == (9, "orders has no such command")


def test_a_command_that_cannot_be_read_is_named(cluster: Cluster) -> None:
    def change(slots: list[Slot]) -> None:
        record = slots[9].record
        assert record is not None
        slots[9] = slots[9]._replace(record=record._replace(value=b"\xc1"))

    rewrite(cluster, change, topics.ORDERS)
    difference = first(audited(cluster)).difference
    assert difference is not None
    assert difference.place.command == 9
    assert "cannot be read" in difference.what


def test_a_command_on_which_the_rules_fail_is_named(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = Engine.handle

    def fail_once(engine: Engine, command: AnyCommand, offset: int, time: int) -> list[AnyEvent]:
        if offset == 44:
            raise ZeroDivisionError("planned")
        return handle(engine, command, offset, time)

    monkeypatch.setattr(Engine, "handle", fail_once)
    difference = first(audited(cluster)).difference
    assert difference is not None
    assert difference.place.command == 44
    assert "the rules fail on the command: ZeroDivisionError" in difference.what


def test_what_other_rules_decided_is_left_out_and_said(cluster: Cluster) -> None:
    """Version 99 decides the commands 100 to 199 as no version does: that is folded, and not held against this one."""

    def change(slots: list[Slot]) -> None:
        events = [decode_event(slot.record.value or b"") for slot in slots if slot.record is not None]
        slots[:] = [slot for slot in slots if slot.record is not None][:1] * (len(events) + 2)
        shift, changed = 0, list[AnyEvent]()
        state = PartitionState(0)
        for event in events:
            begins = state.command_offset + 1 == event.command_offset
            if begins and event.command_offset in {100, 200}:
                rules = 99 if event.command_offset == 100 else RULES
                header = (event.seq + shift, 0, 0, state.time, state.command_offset, NO_ID, True, "", 0, 0)
                changed.append(RulesChanged(*header, rules))
                fold(state, changed[-1])
                shift += 1
            force_setattr(event, "seq", event.seq + shift)
            changed.append(event)
            fold(state, event)
        for at, event in enumerate(changed):
            put(slots, at, event)

    rewrite(cluster, change)
    report = audited(cluster, between(0, 200))
    found = first(report)
    assert found.difference is None
    assert found.counts.left_out == {99: 100}
    assert found.counts.redecided == 100
    assert found.counts.given == 2
    assert "left out: 100 commands that version 99 of the rules decided" in "\n".join(report.lines())


def test_an_event_in_the_bytes_of_another_release_agrees(cluster: Cluster) -> None:
    """A later writer appends fields: what this version knows of them is the same."""

    def change(slots: list[Slot]) -> None:
        at, _ = event_at(slots, 5, OrderRested)
        record = slots[at].record
        assert record is not None
        fields = msgspec.msgpack.decode(record.value or b"")
        slots[at] = slots[at]._replace(record=record._replace(value=msgspec.msgpack.encode([*fields, "later"])))

    rewrite(cluster, change)
    found = first(audited(cluster))
    assert found.difference is None
    assert found.counts.other_form == 1


def test_commands_without_an_event_yet_are_counted(cluster: Cluster) -> None:
    asyncio.run(cluster.publish(cluster.place(), cluster.place()))
    report = audited(cluster)
    assert report.agrees
    assert first(report).undecided == 2
    assert "2 commands have no events yet" in "\n".join(report.lines())


def test_commands_that_are_no_longer_kept_are_folded(cluster: Cluster) -> None:
    stored(cluster, topics.ORDERS).delete_before(50)
    found = first(audited(cluster))
    assert found.difference is None
    assert (found.counts.folded, found.counts.redecided) == (50, COMMANDS - 50)
    assert any("keeps no more" in line for line in found.lines())


def with_snapshots(cluster: Cluster, *seqs: int, spoilt: int | None = None) -> Report:
    """Commands 150 to 200, with snapshots after these events to begin at."""

    async def scenario() -> Report:
        store = await sealed_after(cluster, *seqs)
        if spoilt is not None:
            store.kept[0][spoilt] = store.kept[0][spoilt]._replace(data=b"short")
        snapshots = Snapshots(store, NAME, 3, VirtualClock(), structlog.get_logger())
        async with asyncio.timeout(20):
            return await audit(cluster.log, between(150, 200)._replace(snapshots=snapshots), Live(io.StringIO()))

    return asyncio.run(scenario())


def ends(cluster: Cluster) -> list[int]:
    """By command, the seq of its last event."""
    records = [slot.record for slot in stored(cluster, topics.ORDER_EVENTS)._slots if slot.record is not None]
    events = [decode_event(record.value or b"") for record in records]
    return [event.seq for event in events if event.last and event.command_offset >= 0]


def test_the_fold_may_begin_at_a_snapshot(cluster: Cluster) -> None:
    seqs = ends(cluster)
    found = first(with_snapshots(cluster, seqs[20], seqs[99], seqs[260]))
    assert found.difference is None
    assert found.snapshot_seq == seqs[99]
    assert (found.counts.folded, found.counts.redecided) == (50, 50)
    assert any("from a snapshot" in line for line in found.lines())


def test_a_snapshot_that_does_not_hold_is_passed_over(cluster: Cluster) -> None:
    seqs = ends(cluster)
    found = first(with_snapshots(cluster, seqs[20], seqs[99], spoilt=seqs[99]))
    assert (found.snapshot_seq, found.counts.folded, found.counts.redecided) == (seqs[20], 129, 50)
    assert first(with_snapshots(cluster, seqs[260])).snapshot_seq == 0
    rewrite(cluster, lambda slots: slots.insert(0, slots[0]._replace(record=None)))
    assert first(with_snapshots(cluster, seqs[20])).counts.redecided == 50


def test_a_range_by_time(cluster: Cluster) -> None:
    report = audited(cluster, Wanted([0], Start(since=0), Start(since=2**60)))
    assert first(report).counts.redecided == COMMANDS


def test_an_empty_log(tmp_path: Path) -> None:
    report = audited(Cluster(tmp_path))
    assert report.agrees
    assert [found.counts.redecided for found in report.found] == [0, 0]
    assert report.lines()[0] == "no commands in the range: partitions 0, 1"


def test_a_missing_topic_and_a_missing_partition_are_said(tmp_path: Path) -> None:
    empty = Cluster(tmp_path)
    with pytest.raises(CannotDo, match="no partition 7: there are 0 to 1"):
        audited(empty, Wanted([7], Start(word="earliest"), Start(word="latest")))
    empty.log = MemoryLog(Broker())
    with pytest.raises(CannotDo, match="Without the topic order-events there is nothing to audit"):
        audited(empty)
    empty.log.broker.create_topic(topics.ORDER_EVENTS, 2)
    empty.log.broker.create_topic(topics.ORDERS, 3)
    with pytest.raises(CannotDo, match="orders has 3 partitions and order-events 2"):
        audited(empty)


def test_what_no_event_is_is_said(cluster: Cluster) -> None:
    async def publish() -> None:
        publisher = cluster.log.publisher()
        await publisher.start()
        await publisher.publish(topics.ORDER_EVENTS, 0, [Entry(None, b"\x01")])
        await publisher.publish(topics.ORDERS, 0, [Entry(None, b"\x01")])
        await publisher.close()

    asyncio.run(publish())
    difference = first(audited(cluster)).difference
    assert difference is not None
    assert "it cannot be read" in difference.what


def test_arguments() -> None:
    asked = parser().parse_args(["audit", "--partition", "1", "--partition", "3", "--from", "100", "--json"])
    assert (asked.partition, asked.start, asked.end) == ([1, 3], Start(offset=100), Start(word="latest"))
    for wrong in (["--partition", "x"], ["--from", "noon"]):
        with pytest.raises(SystemExit):
            parser().parse_args(["audit", *wrong])
