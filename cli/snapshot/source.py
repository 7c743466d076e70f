"""Where the commands about snapshots look: the log, the stores, and what both say of partitions."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from cli.problem import CannotDo
from libs.events.topics import ORDER_EVENTS
from libs.kafka.ports import Log, LogReader
from libs.service.clock import Clock
from libs.snapshots.envelope import Opened
from libs.snapshots.recovering import FoldLimits
from libs.snapshots.snapshots import Refusal, Snapshots

LIMITS: Final = FoldLimits(records=5_000, timeout_s=0.05)


class Source(NamedTuple):
    log: Log
    snapshots: Snapshots
    clock: Clock

    @asynccontextmanager
    async def events(self) -> AsyncIterator[LogReader]:
        reader = self.log.reader(ORDER_EVENTS)
        await reader.start()
        try:
            yield reader
        finally:
            await reader.stop()

    async def everything(self, partition: int) -> list[Opened | Refusal]:
        """What the store has, newest first, then the copy of this machine."""
        found = [each async for each in self.snapshots.stored(partition)]
        return found + [each async for each in self.snapshots.cached(partition)]


async def chosen(reader: LogReader, wanted: Sequence[int]) -> list[int]:
    """The partitions that are meant: all when none is named. Raises CannotDo for one that is not there."""
    present = await reader.partitions()
    for partition in wanted:
        if partition not in present:
            raise CannotDo(f"There is no partition {partition}: {_span(present)}.")
    return sorted(set(wanted)) or present


def _span(present: Sequence[int]) -> str:
    return f"they are {present[0]} to {present[-1]}" if present else "the log has none"


def seq_of(found: Opened | Refusal) -> int:
    return found.seq if isinstance(found, Refusal) else found.head.seq


def none_such(partition: int, seq: int | None, present: Iterable[Opened | Refusal]) -> CannotDo:
    seqs = sorted({seq_of(each) for each in present})
    there = (
        f"there are {', '.join(map(str, seqs))}" if seqs else "there is none: its owner folds the log from the start"
    )
    return CannotDo(f"Partition {partition} has no snapshot{'' if seq is None else f' after event {seq}'}; {there}.")
