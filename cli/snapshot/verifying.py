"""`outcry snapshot verify`: is each snapshot what the log says? None of it trusts what a worker has said.

Each is opened and restored with every invariant checked. Then the log is folded from the oldest one on, or from its
first event, and where a later snapshot stands the hash of the folded state is compared with that of the restored one.
At the end of the log the invariants of the folded state are checked.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from cli.snapshot.progress import progress
from cli.snapshot.source import LIMITS, Source, chosen, none_such, seq_of
from libs.book.fold import Broken, fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import state_hash
from libs.kafka.ports import Bounds, LogReader
from libs.snapshots.envelope import Opened, Refused
from libs.snapshots.recovering import events, recognize
from libs.snapshots.restoring import restored
from libs.snapshots.snapshots import Refusal


class Verdict(NamedTuple):
    """`seq` is None for the end of the log."""

    partition: int
    seq: int | None
    store: str
    holds: bool
    detail: str
    state_hash: str = ""


class Checked(NamedTuple):
    """A snapshot that was restored; of its state the hash alone is kept."""

    found: Opened
    state_hash: str


async def verify(
    source: Source,
    wanted: Sequence[int],
    seq: int | None,
    from_start: bool,
    json: bool,
    out: Callable[[str], object],
) -> bool:
    """True when everything holds. Raises CannotDo for what is not there."""
    holds, looked_at = True, 0
    async with source.events() as reader:
        for partition in await chosen(reader, wanted):
            everything = await source.everything(partition)
            picked = [each for each in everything if seq in {None, seq_of(each)}]
            if not picked and (seq is not None or wanted):
                raise none_such(partition, seq, everything)
            if picked or from_start:
                looked_at += 1
                for verdict in await _verdicts(reader, partition, picked, from_start):
                    holds &= verdict.holds
                    out(_json(verdict) if json else _line(verdict))
    if not looked_at and not json:
        out("No snapshots: a worker saves one when a state has changed for a while, and folds the log until then.")
    return holds


async def _verdicts(
    reader: LogReader, partition: int, picked: Sequence[Opened | Refusal], from_start: bool
) -> list[Verdict]:
    bounds = await reader.bounds(partition)
    verdicts: list[Verdict] = []
    good: list[Checked] = []
    for each in sorted(picked, key=seq_of):
        verdict = _restores(partition, each)
        if isinstance(verdict, Checked):
            good.append(verdict)
        else:
            verdicts.append(verdict)
    if good or from_start:
        verdicts += await _Folding(reader, partition, bounds, good).verdicts(from_start)
    return verdicts


def _restores(partition: int, each: Opened | Refusal) -> Checked | Verdict:
    if isinstance(each, Refusal):
        return Verdict(partition, each.seq, each.store, False, str(each.why))
    try:
        return Checked(each, state_hash(restored(each)))
    except Refused as refused:
        return Verdict(partition, each.head.seq, each.store, False, str(refused))


class _Folding:
    """One walk over the log, from one place to its end, past every snapshot that stands on the way."""

    def __init__(self, reader: LogReader, partition: int, bounds: Bounds, good: Sequence[Checked]) -> None:
        self._reader = reader
        self._partition = partition
        self._bounds = bounds
        self._ahead = list(good)
        self._done: list[Verdict] = []
        self._since = "the first event"
        self._folded = 0

    async def verdicts(self, from_start: bool) -> list[Verdict]:
        start = (PartitionState(self._partition), self._bounds.start) if from_start else await self._first_attached()
        if start is None:
            return self._done
        state, offset = start
        try:
            await self._walk(state, offset)
            check(state)
        except Broken as broken:
            self._say(None, "log", False, f"broken: {broken}")
        else:
            self._report_unreached()
            self._say(None, "log", True, f"{self._folded} events after {self._since}, to the end", state_hash(state))
        return self._done

    async def _first_attached(self) -> tuple[PartitionState, int] | None:
        """The oldest that the log goes on from, and where."""
        while self._ahead:
            found, digest = self._ahead.pop(0)
            head, state = found.head, restored(found)
            try:
                await self._attach(state, head.next_event_offset)
            except Broken as broken:
                self._say(head.seq, found.store, False, f"detached: {broken}")
                continue
            self._since = f"event {head.seq} of {found.store}"
            self._say(head.seq, found.store, True, "restored, invariants hold", digest)
            return state, head.next_event_offset
        return None

    async def _attach(self, state: PartitionState, next_offset: int) -> None:
        """The state's last event stands just before. Raises Broken."""
        begin, end = self._bounds
        if not begin <= next_offset <= end:
            raise Broken(f"it goes on at {next_offset}, the log has {begin} to {end}")
        if not state.seq:
            return
        seen = False
        last = Bounds(next_offset - 1, next_offset)
        async with aclosing(events(self._reader, self._partition, last, LIMITS)) as read:
            async for batch in read:
                for offset, event in batch:
                    recognize(state, event, offset, last.start)
                    seen = True
        if not seen:
            raise Broken(f"no event stands at offset {last.start}")

    async def _walk(self, state: PartitionState, first: int) -> None:
        """Raises Broken."""
        self._compare(state, first)
        rest = Bounds(first, self._bounds.end)
        with progress(f"partition {self._partition}", rest.end - rest.start, "offsets folded") as show:
            async with aclosing(events(self._reader, self._partition, rest, LIMITS)) as read:
                async for batch in read:
                    for offset, event in batch:
                        fold(state, event)
                        self._folded += 1
                        if self._ahead and self._ahead[0].found.head.seq <= state.seq:
                            self._compare(state, offset + 1)
                    show(batch[-1][0] + 1 - first)

    def _compare(self, state: PartitionState, next_offset: int) -> None:
        """With every snapshot of exactly this place."""
        while self._ahead and self._ahead[0].found.head.seq <= state.seq:
            found, expected = self._ahead.pop(0)
            head, folded = found.head, state_hash(state)
            if next_offset != head.next_event_offset:
                detail = f"detached: it goes on at {head.next_event_offset}, and event {head.seq} ends at {next_offset}"
                self._say(head.seq, found.store, False, detail)
            elif folded == expected:
                detail = f"as {self._folded} events after {self._since} add up to"
                self._say(head.seq, found.store, True, detail, expected)
            else:
                detail = f"differs: {self._folded} events after {self._since} add up to {folded}, and it is {expected}"
                self._say(head.seq, found.store, False, detail, expected)

    def _report_unreached(self) -> None:
        for found, _ in self._ahead:
            self._say(found.head.seq, found.store, False, f"detached: the log ends before event {found.head.seq}")

    def _say(self, seq: int | None, store: str, holds: bool, detail: str, digest: str = "") -> None:
        self._done.append(Verdict(self._partition, seq, store, holds, detail, digest))


def _line(verdict: Verdict) -> str:
    what = "end of the log" if verdict.seq is None else f"seq {verdict.seq} ({verdict.store})"
    return f"partition {verdict.partition}  {'holds ' if verdict.holds else 'FAILED'}  {what}: {verdict.detail}"


def _json(verdict: Verdict) -> str:
    return msgspec.json.encode(verdict._asdict()).decode()
