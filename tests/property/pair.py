"""The engine and the oracle side by side on one stream: the same events, one by one, or the first difference in words.

Beside them stands a state that only ever saw the events, as their bytes: it must be the engine's own, by hash, and the
engine must go on from a snapshot as if it had never stopped.
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from libs.book.window import Window
from libs.events.codec import decode_event, encode
from libs.events.commands import AnyCommand, Envelope
from libs.events.events import AnyEvent
from libs.events.values import FailureCause
from libs.matching import RULES, Engine
from tests.oracle.difference import first_difference, listed
from tests.oracle.engine import NaiveEngine
from tests.oracle.window import CAPACITY
from tests.oracle.words import said
from tests.property.ledger import Ledger
from tests.property.streams import START, Step

SCRIPT_LINES = 12


class Difference(AssertionError):
    """The engine and the oracle, or the rules of every history, do not agree."""


class Decides(Protocol):
    """The engine, and the oracle."""

    def handle(self, command: AnyCommand, offset: int, time: int) -> list[AnyEvent]: ...

    def fail(
        self, command: AnyCommand | Envelope | None, offset: int, time: int, cause: FailureCause
    ) -> list[AnyEvent]: ...


def decided(engine: Decides, step: Step) -> list[AnyEvent]:
    if step.cause is None:
        return engine.handle(step.command, step.offset, step.time)
    command = None if step.cause is FailureCause.UNREADABLE else step.read or step.command
    return engine.fail(command, step.offset, step.time, step.cause)


class Pair:
    def __init__(self, partition: int = 0, window_capacity: int = CAPACITY) -> None:
        self.engine = Engine(partition)
        self.oracle = NaiveEngine(partition, window_capacity)
        self.folded = PartitionState(partition)
        self.engine.state.window = Window(window_capacity)
        self.folded.window = Window(window_capacity)
        self.ledger = Ledger()
        self._script: dict[int, deque[Step]] = {}
        """The last commands about each product number."""
        adopted = self.engine.adopt_rules()
        assert adopted == self.oracle.adopt_rules(RULES)
        self._take(adopted)

    def handle(self, step: Step) -> list[AnyEvent]:
        """Both decide; the events that they agree on."""
        command = step.command
        script = self._script.setdefault(command.number, deque(maxlen=SCRIPT_LINES))
        script.append(step)
        try:
            found = decided(self.engine, step)
        except Exception as error:
            raise Difference(f"the engine raised {error!r}\n{self._told(step)}") from error
        expected = decided(self.oracle, step)
        if found != expected:
            raise Difference(f"{first_difference(found, expected)}\n{self._told(step)}")
        try:
            self._take(found)
        except Exception as error:
            raise Difference(f"not a history: {error!r}\n{listed(found)}\n{self._told(step)}") from error
        return found

    def check_state(self) -> None:
        """The state keeps the invariants and nobody who has no orders, and is the fold of its events."""
        check(self.engine.state)
        if not all(all(book.accounts.values()) for book in self.engine.state.products.values()):
            raise Difference("an account without open orders is kept")
        if state_hash(self.folded) != state_hash(self.engine.state):
            raise Difference("the fold of the events is another state than the engine's")

    def restart(self) -> None:
        """Go on from a snapshot."""
        snapshot = dump(self.engine.state)
        self.engine = Engine(self.engine.state.partition, load(snapshot))
        if dump(self.engine.state) != snapshot:
            raise Difference("the state that comes out of a snapshot is another one")

    def _take(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            read = decode_event(encode(event))
            fold(self.folded, read)
            self.ledger.take(read)
        assert [event.last for event in events] == [False] * (len(events) - 1) + [True], "last stands on the last alone"

    def _told(self, step: Step) -> str:
        steps = self._script[step.command.number]
        script = "\n".join(
            f"  {each.offset} at {each.time - START}: {_failing(each)}{said(each.command)}" for each in steps
        )
        return f"the last commands about product {step.command.number}, and this one:\n{script}"


def _failing(step: Step) -> str:
    return "" if step.cause is None else f"{step.cause.name} "
