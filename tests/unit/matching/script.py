"""Order-book scripts: a scenario a reviewer reads without knowing the set-up.

    place  A1  ann  sell  5 @ 101            -> accepted, rests 5
    place  B1  cat  buy   7 @ 101 ioc        -> accepted, trade 5 @ 101 with A1, done filled A1, done canceled
    place  S1  bob  sell  2 @ market stop 99 -> accepted, armed
    amend  A1  ann  size 4                   -> amended, keeps priority
    cancel A1  ann                           -> done canceled
    cancel_all ann                           -> done canceled A2, canceled 1
    arm    ann 5s                            -> switch armed
    advance 5s                               -> switch of ann fired 0, time advanced
    status cancel_only                       -> status cancel_only
    book                                     -> bids - | asks 2 @ 101

Prices have one decimal place and the tick 0.5, sizes none and the lot 1. After every command the oracle's events, the
folded state, the invariants and a restored snapshot are compared with the engine's.
"""

import re
from dataclasses import dataclass, field

from libs.book.fold import fold
from libs.book.invariants import check as check_invariants
from libs.book.ladder import Ladder
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from libs.events.commands import AnyCommand
from libs.events.decimals import to_text
from libs.events.events import AnyEvent, ProductListed
from libs.events.ids import mint
from libs.matching import RULES, Engine
from tests.oracle.difference import first_difference
from tests.oracle.engine import NaiveEngine
from tests.unit.matching.script_commands import MILLISECOND, SIZE_SCALE, START, listing, to_duration
from tests.unit.matching.script_commands import parse as parse_line
from tests.unit.matching.script_words import show, show_price

__all__ = ["MILLISECOND", "START", "Venue", "check", "listing", "parse"]


@dataclass
class Venue:
    """An engine with one product, the oracle beside it, and a second state that only ever sees the events."""

    engine: Engine = field(default_factory=lambda: Engine(0))
    oracle: NaiveEngine = field(default_factory=lambda: NaiveEngine(0))
    folded: PartitionState = field(default_factory=lambda: PartitionState(0))
    offset: int = -1
    now: int = START
    ids: dict[str, bytes] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)
    number: int = 0
    checks_state: bool = True
    """False for thousands of commands: what is compared then are the events alone."""

    def __post_init__(self) -> None:
        self._apply(self.engine.adopt_rules(), self.oracle.adopt_rules(RULES))
        listed = self.send(listing(self.id_of("list")))[0]
        assert isinstance(listed, ProductListed)
        self.number = listed.number

    def id_of(self, name: str) -> bytes:
        if name not in self.ids:
            order_id = mint(self.now // MILLISECOND, len(self.ids) + 1, self.number)
            self.ids[name] = order_id
            self.names[order_id] = name
        return self.ids[name]

    def send(self, command: AnyCommand) -> list[AnyEvent]:
        self.offset += 1
        self.now += MILLISECOND
        events = self.engine.handle(command, self.offset, self.now)
        self._apply(events, self.oracle.handle(command, self.offset, self.now))
        return events

    def _apply(self, events: list[AnyEvent], expected: list[AnyEvent]) -> None:
        assert events == expected, first_difference(events, expected)
        for event in events:
            fold(self.folded, event)
        assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
        if not self.checks_state:
            return
        own = state_hash(self.engine.state)
        assert state_hash(self.folded) == own
        assert state_hash(load(dump(self.engine.state))) == own
        check_invariants(self.engine.state)

    def restart(self) -> None:
        """Go on from a snapshot."""
        self.engine = Engine(0, load(dump(self.engine.state)))


def check(script: str, venue: Venue | None = None) -> Venue:
    """Run a script line by line, from a fresh venue or on with one, and compare what each line says.

    A line that ends with a comma goes on in the next.
    """
    venue = venue or Venue()
    for line in re.sub(r",\s*\n\s*", ", ", script).strip().splitlines():
        said, _, expected = (part.strip() for part in line.partition("->"))
        if not said:
            continue
        found = show_book(venue) if said == "book" else run(venue, said)
        assert found == expected, f"\n{said}\n  expected {expected}\n  found    {found}"
    return venue


def run(venue: Venue, said: str) -> str:
    command = parse(venue, said)
    return show(command, venue.send(command), venue.names)


def parse(venue: Venue, said: str) -> AnyCommand:
    """The command of a line. `advance 5s` lets that much time go by first."""
    match said.split():
        case ["advance", duration]:
            venue.now += to_duration(duration)
            said = "advance"
    name = f"command {venue.offset + 1}"
    return parse_line(said, venue.now, venue.number, name, venue.id_of)


def show_book(venue: Venue) -> str:
    book = venue.engine.state.products[venue.number]
    return f"bids {show_side(book.bids)} | asks {show_side(book.asks)}"


def show_side(ladder: Ladder) -> str:
    return ", ".join(f"{to_text(level.volume, SIZE_SCALE)} @ {show_price(level.price)}" for level in ladder) or "-"
