"""A part: one scenario by `Engine.handle`, the scratch matcher and the libraries, turn by turn in one process.

All get slices of the same stream alternately, so that what else the machine does falls on all; a rate is the median
slice. A slice is made just before, and decoded just before, as in the worker: commands that wait in memory for long would
be measured with the time it takes to fetch them from there. Time is processor time of this thread: others on the same
cores do not count.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, Protocol

import msgspec

from libs.events.codec import decode_command, encode
from libs.events.commands import AnyCommand, PlaceOrder
from libs.events.values import Side, TimeInForce
from libs.matching import Engine
from tests.benchmarks.child import serve
from tests.benchmarks.entry import OrderEntry, listed
from tests.benchmarks.flow import MID
from tests.benchmarks.libraries import LightMatchingEngine, PyOrderBook, left_out
from tests.benchmarks.scenarios import NUMBER, SCENARIOS, Scenario
from tests.benchmarks.scratch import ScratchMatcher

STEP: Final = 1_000_000
"""ns between two commands. The duplicates window holds two minutes of them."""
WINDOW: Final = 122_000
"""Commands that fill it, before the clock starts."""
START: Final = 1_700_000_000_000_000_000
_BATCH: Final = 2_000
"""Commands; as many as the worker decides at once."""
_FEWEST_SLICES, _MOST_SLICES = 5, 300
_LIBRARY_BATCH: Final = 100
"""Commands between two looks at the time: some take a millisecond each."""
_LIBRARY_SHARE: Final = 0.2
"""Of the time of a scenario, for each of them."""


class Task(msgspec.Struct):
    scenario: str
    """By its name."""
    seconds: float
    """With the time it takes to make the commands, and without that to fill the books."""


class LibraryRate(msgspec.Struct):
    name: str
    rate: float
    """Commands/s, of those it was given; 0 of none."""
    without: list[str]
    """What it was not given."""
    lacks: str
    """What it would need for the scenario."""


class Rates(msgspec.Struct):
    """Commands/s; what a command caused."""

    scenario: str
    resting: int
    """At the end."""
    engine: float
    scratch: float
    events: float
    trades: float
    libraries: list[LibraryRate]


class _Library(Protocol):
    name: str

    def fill(self, command: PlaceOrder) -> None:
        """Put an order that meets nothing into the book, untimed."""

    def decide(self, commands: Sequence[AnyCommand]) -> float:
        """Seconds that it takes, without making ready."""


async def main(task: Task) -> Rates:
    contest = Contest(next(each for each in SCENARIOS if each.name == task.scenario))
    contest.fill()
    gc.collect()
    gc.freeze()
    ends = time.monotonic() + task.seconds
    for at in range(_MOST_SLICES):
        if at >= _FEWEST_SLICES and time.monotonic() >= ends:
            break
        contest.turn(task.seconds * _LIBRARY_SHARE)
    return contest.rates()


class Contest:
    """One scenario, and all who are measured on it."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._engine, self._offset = Engine(0), 0
        self._scratches = {NUMBER * (1 + at): ScratchMatcher() for at in range(scenario.products)}
        self._libraries = [_Entrant(LightMatchingEngine(), scenario.needs), _Entrant(PyOrderBook(), scenario.needs)]
        self._without: set[str] = set()
        self._entry = OrderEntry(START, STEP)
        self._stream = scenario.make(self._entry, scenario.resting)
        self._engine_rates: list[float] = []
        self._scratch_rates: list[float] = []
        self._commands = self._events = self._trades = 0

    def fill(self) -> None:
        """List the products, fill the window and the books."""
        for number in self._scratches:
            self._handle(listed(number, f"P{number}-USD", START))
        for at in range(max(0, WINDOW - self._scenario.resting)):
            self._handle(self._entry.place(NUMBER, f"early-{at % 200}", Side.BUY, MID, 1, TimeInForce.IOC))
        for command in self._stream.filling:
            self._handle(command)
            self._scratches[command.number].handle(command)
            for entrant in self._libraries:
                entrant.library.fill(command)
        self._count(-1)

    def turn(self, library_seconds: float) -> None:
        """One slice for each."""
        part = [encode(command) for command in islice(self._stream.endless, self._scenario.cycle)]
        self._engine_rates.append(len(part) / _timed(part, self._decided))
        self._scratch_rates.append(len(part) / _timed(part, self._matched))
        self._commands += len(part)
        for entrant in self._libraries:
            entrant.turn(part, library_seconds, self._without)

    def rates(self) -> Rates:
        self._count(1)
        return Rates(
            self._scenario.name,
            sum(len(book.orders) for book in self._engine.state.products.values()),
            statistics.median(self._engine_rates),
            statistics.median(self._scratch_rates),
            self._events / self._commands,
            self._trades / self._commands,
            [entrant.rate(sorted(self._without)) for entrant in self._libraries],
        )

    def _handle(self, command: AnyCommand) -> None:
        """As decoded: what the engine keeps of a command is then no other's."""
        self._engine.handle(decode_command(encode(command)), self._offset, command.sent + STEP)
        self._offset += 1

    def _count(self, sign: int) -> None:
        """Called at the start and at the end: what happened between."""
        state = self._engine.state
        self._events += sign * state.seq
        self._trades += sign * sum(book.trade_id for book in state.products.values())

    def _decided(self, commands: Sequence[AnyCommand]) -> float:
        handle, offset = self._engine.handle, self._offset
        began = time.thread_time()
        for at, command in enumerate(commands, offset):
            handle(command, at, command.sent + STEP)
        took = time.thread_time() - began
        self._offset += len(commands)
        return took

    def _matched(self, commands: Sequence[AnyCommand]) -> float:
        scratches = self._scratches
        began = time.thread_time()
        for command in commands:
            scratches[command.number].handle(command)
        return time.thread_time() - began


class _Entrant:
    """A library, until its time is up: some are so slow that they see a part of the first slice and no more."""

    def __init__(self, library: _Library, lacks: str) -> None:
        self.library = library
        self._lacks = lacks
        self._spent = 0.0
        self._rates: list[float] = []

    def turn(self, part: Sequence[bytes], most: float, without: set[str]) -> None:
        if self._lacks:
            return
        count, before = 0, self._spent
        for batch in _batches(part, _LIBRARY_BATCH):
            if self._spent >= most:
                break
            commands = [decode_command(each) for each in batch]
            reasons = [left_out(command) for command in commands]
            without.update(filter(None, reasons))
            known = [command for command, reason in zip(commands, reasons, strict=True) if not reason]
            self._spent += self.library.decide(known)
            count += len(known)
        if count:
            self._rates.append(count / (self._spent - before))

    def rate(self, without: list[str]) -> LibraryRate:
        rate = statistics.median(self._rates) if self._rates else 0
        return LibraryRate(self.library.name, rate, without, self._lacks)


def _timed(part: Sequence[bytes], decide: Callable[[Sequence[AnyCommand]], float]) -> float:
    """Seconds for a slice, a batch after the other."""
    return sum(decide([decode_command(each) for each in batch]) for batch in _batches(part, _BATCH))


def _batches(part: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (part[at : at + size] for at in range(0, len(part), size))


if __name__ == "__main__":
    serve(Task, main)
