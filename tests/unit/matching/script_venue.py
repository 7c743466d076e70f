"""Where a script is played: an engine with one product, the oracle beside it, and a state that only sees the events."""

from dataclasses import dataclass, field

from libs.book.fold import fold
from libs.book.invariants import check as check_invariants
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from libs.events.commands import AnyCommand, Envelope
from libs.events.events import AnyEvent, ProductListed
from libs.events.ids import mint
from libs.events.values import FailureCause
from libs.matching import RULES, DeadlineFault, Engine
from tests.oracle.difference import first_difference
from tests.oracle.engine import NaiveEngine
from tests.unit.matching.script_commands import MILLISECOND, START, listing, to_duration
from tests.unit.matching.script_commands import parse as parse_line


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
    commands: dict[str, AnyCommand] = field(default_factory=dict)
    """Those that have a name."""
    dead: dict[str, int] = field(default_factory=dict)
    """Where the named ones died."""
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
        self._step()
        events = self.engine.handle(command, self.offset, self.now)
        self._apply(events, self.oracle.handle(command, self.offset, self.now))
        return events

    def fail(self, command: AnyCommand | Envelope | None, cause: FailureCause) -> list[AnyEvent]:
        """What the owner of a partition says of a command that could not be decided."""
        self._step()
        events = self.engine.fail(command, self.offset, self.now, cause)
        self._apply(events, self.oracle.fail(command, self.offset, self.now, cause))
        return events

    def drop(self, name: str | bytes) -> list[AnyEvent]:
        """And of a deadline: the account of a switch, or the id of an order."""
        events = self.engine.drop_deadline(DeadlineFault(self.number, name))
        self._apply(events, self.oracle.drop_deadline(self.number, name))
        return events

    def _step(self) -> None:
        self.offset += 1
        self.now += MILLISECOND

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


def parse(venue: Venue, said: str) -> AnyCommand:
    """The command of a line. `advance 5s` lets that much time go by first; `f1: amend …` names it."""
    name, colon, rest = said.partition(": ")
    if colon:
        said = rest
    else:
        words = said.split()
        name = words[1] if words[0] == "place" else f"command {venue.offset + 1}"
    match said.split():
        case ["advance", duration]:
            venue.now += to_duration(duration)
            said = "advance"
    command = parse_line(said, venue.now, venue.number, name, venue.id_of)
    venue.commands[name] = command
    return command
