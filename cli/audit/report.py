"""What an audit found, for a person and for a program."""

from typing import NamedTuple

from cli.audit.difference import Different
from cli.audit.redecision import Redecision


class Span(NamedTuple):
    """Offsets in `orders` of one partition: from `start` to before `end`; the log of commands begins at `kept`."""

    start: int
    end: int
    kept: int


class Found(NamedTuple):
    """Of one partition."""

    partition: int
    span: Span
    snapshot_seq: int
    """Of the last event in the snapshot that the fold began at; 0 of a fold from the first event."""
    counts: Redecision
    difference: Different | None

    @property
    def is_empty(self) -> bool:
        """Nothing was asked of it, and nothing is to be said."""
        return self.span.end <= self.span.start and self.difference is None

    @property
    def undecided(self) -> int:
        """Commands of the range that have no event yet."""
        return 0 if self.difference else max(0, self.span.end - max(self.counts.next_command, self.span.start))

    def plain(self) -> dict[str, object]:
        counts = self.counts
        return {
            "partition": self.partition,
            "from": self.span.start,
            "to": self.span.end,
            "kept_from": self.span.kept,
            "redecided": counts.redecided,
            "events": counts.events,
            "other_form": counts.other_form,
            "snapshot_seq": self.snapshot_seq,
            "folded_before": counts.folded,
            "given_events": counts.given,
            "left_out": {str(rules): count for rules, count in sorted(counts.left_out.items())},
            "undecided": self.undecided,
            "difference": None if self.difference is None else self.difference.plain(),
        }

    def lines(self) -> list[str]:
        counts, (start, end, kept) = self.counts, self.span
        decided = f"{counts.redecided:,} decided again, their {counts.events:,} events agree"
        found = [f"partition {self.partition}, commands {start} to {end - 1}: {decided}"]
        if self.snapshot_seq:
            found.append(f"  taken as given: the state after event {self.snapshot_seq:,}, from a snapshot")
        if counts.other_form:
            found.append(f"  {counts.other_form:,} of them in the bytes of another release, with the same values")
        for rules, count in sorted(counts.left_out.items()):
            found.append(f"  left out: {count:,} commands that version {rules} of the rules decided")
        if counts.given:
            found.append(f"  taken as given: {counts.given:,} decisions of the worker itself")
        if kept:
            found.append(f"  left out: commands before {kept}, which orders keeps no more")
        if self.undecided:
            found.append(f"  {self.undecided:,} commands have no events yet: the worker is behind, or stopped")
        if self.difference is not None:
            found += [f"  {line}" for line in ("THE FIRST DIFFERENCE", *self.difference.lines())]
        return found


class Report(NamedTuple):
    """Of everything that was asked for."""

    found: list[Found]
    seconds: float

    @property
    def agrees(self) -> bool:
        return all(each.difference is None for each in self.found)

    def plain(self) -> dict[str, object]:
        return {"agrees": self.agrees, "seconds": round(self.seconds, 3), "partitions": [e.plain() for e in self.found]}

    def lines(self) -> list[str]:
        empty = ", ".join(str(each.partition) for each in self.found if each.is_empty)
        found = [f"no commands in the range: partitions {empty}"] if empty else []
        found += [line for each in self.found if not each.is_empty for line in each.lines()]
        commands = sum(each.counts.redecided for each in self.found)
        verdict = "the log and the rules agree" if self.agrees else "THE LOG AND THE RULES DO NOT AGREE"
        return [*found, f"{verdict}: {commands:,} commands decided again in {self.seconds:.1f} s"]
