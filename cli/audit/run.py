"""An audit of the log: partition by partition, so that only one state is held at a time."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from cli.audit.beginning import Beginning, first, newest
from cli.audit.difference import Different
from cli.audit.redecision import Redecision
from cli.audit.report import Found, Report, Span
from cli.audit.stepping import Commands, opened, pieces
from cli.problem import CannotDo
from cli.start import Start, offset
from libs.events import topics
from libs.kafka.ports import Bounds, Log, LogReader
from libs.matching.engine import Engine
from libs.snapshots.snapshots import Snapshots
from sim.live import Live, bar


class Wanted(NamedTuple):
    """Partitions (none named: all), and the commands from `start` to before `end`. With `snapshots` the fold begins at
    the newest that stands before the range."""

    partitions: Sequence[int]
    start: Start
    end: Start
    snapshots: Snapshots | None = None


class Readers(NamedTuple):
    orders: LogReader
    events: LogReader


async def audit(log: Log, wanted: Wanted, live: Live) -> Report:
    """Raises CannotDo for a log that is not one of an exchange."""
    began = time.monotonic()
    async with (
        opened(log, topics.ORDER_EVENTS, committed=True) as events,
        opened(log, topics.ORDERS, committed=False) as orders,
    ):
        readers = Readers(orders, events)
        chosen = await _chosen(readers, wanted.partitions)
        # The ends of all are fixed before the first is read: what comes meanwhile is for the next audit.
        bounds = {partition: await events.bounds(partition) for partition in chosen}
        spans = {partition: await _span(orders, partition, wanted) for partition in chosen}
        progress = Progress(live, bounds)
        found = []
        for each in chosen:
            begun = first(each, bounds[each])
            if wanted.snapshots is not None:
                begun = await newest(events, each, bounds[each], spans[each].start, wanted.snapshots)
            found.append(await _partition(readers, spans[each], bounds[each], begun, progress))
    live.close()
    return Report(found, time.monotonic() - began)


async def _chosen(readers: Readers, wanted: Sequence[int]) -> list[int]:
    there, also = await readers.events.partitions(), await readers.orders.partitions()
    if there != also:
        raise CannotDo(
            f"orders has {len(also)} partitions and order-events {len(there)}: they are not of one exchange."
        )
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise CannotDo(f"There is no partition {missing[0]}: there are 0 to {there[-1]}.")
    return sorted(set(wanted)) or there


async def _span(orders: LogReader, partition: int, wanted: Wanted) -> Span:
    bounds = await orders.bounds(partition)
    start = await offset(orders, partition, wanted.start)
    return Span(start, max(start, await offset(orders, partition, wanted.end)), bounds.start)


async def _partition(readers: Readers, span: Span, bounds: Bounds, begun: Beginning, progress: "Progress") -> Found:
    partition, seq = begun.state.partition, begun.state.seq
    commands = Commands(readers.orders, partition, span.start, span.end)
    redecision = Redecision(partition, span.start, span.end, commands.at, Engine(partition, begun.state))
    readers.events.assign({partition: begun.offset})
    difference: Different | None = None
    try:
        async for records in pieces(readers.events, partition, bounds.end):
            # No piece of events begins more commands than it has events.
            if redecision.next_command + len(records) > span.start:
                await commands.hold(redecision.next_command, len(records))
            for record in records:
                if redecision.is_over:
                    break
                redecision.take(record)
            progress.show(partition, readers.events.position(partition), redecision)
            if redecision.is_over:
                break
        else:
            redecision.finish()
    except Different as found:
        difference = found
    progress.done(partition, redecision)
    return Found(partition, span, seq, redecision, difference)


class Progress:
    """The moving line: how much of the events is behind us."""

    def __init__(self, live: Live, bounds: dict[int, Bounds]) -> None:
        self._live = live
        self._bounds = bounds
        self._total = sum(each.end - each.start for each in bounds.values())
        self._behind = 0
        self._redecided = 0

    def show(self, partition: int, position: int, redecision: Redecision) -> None:
        done = self._behind + position - self._bounds[partition].start
        commands = self._redecided + redecision.redecided
        self._live.show(f"audit {bar(done, self._total)} | partition {partition} | {commands:,} commands decided again")

    def done(self, partition: int, redecision: Redecision) -> None:
        bounds = self._bounds[partition]
        self._behind += bounds.end - bounds.start
        self._redecided += redecision.redecided
