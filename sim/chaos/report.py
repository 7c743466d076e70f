"""What a run of chaos has met and survived, a line for each fault."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from sim.chaos.faults import Fault
from sim.chaos.journal import Journal
from sim.chaos.verdict import Verdict


class Survived(NamedTuple):
    """One fault. Seconds."""

    fault: Fault
    lasted: float
    """From its beginning until every product took an order again and showed it."""
    waited: float
    """The longest that a client waited for an answer meanwhile."""


class Report:
    def __init__(self) -> None:
        self.survived: list[Survived] = []
        self.impossible: dict[str, str] = {}
        """Faults by kind and target, and why they cannot be caused here."""

    def lines(self, journal: Journal, verdict: Verdict, seconds: float) -> Iterator[str]:
        yield f"{'fault':34}{'times':>6}{'longest wait':>14}{'until all is well':>19}"
        by_fault: dict[str, list[Survived]] = defaultdict(list)
        for each in self.survived:
            by_fault[str(each.fault)].append(each)
        for name, found in sorted(by_fault.items()):
            waited, lasted = max(each.waited for each in found), max(each.lasted for each in found)
            yield f"{name:34}{len(found):>6}{waited:>12.1f} s{lasted:>17.1f} s"
        for name, why in sorted(self.impossible.items()):
            yield f"{name:34} not here: {why}"
        yield (
            f"{len(self.survived)} faults survived in {seconds / 60:.1f} minutes; {journal.acknowledged:,} orders "
            f"acknowledged, {journal.repeated:,} requests repeated"
        )
        yield f"{verdict.lost} lost, {verdict.doubled} doubled, {verdict.reordered} reordered"
