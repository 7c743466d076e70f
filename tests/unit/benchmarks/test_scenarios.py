"""The streams that the core is measured on do what their names say, and everybody who is measured on them does it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

import pytest

from libs.events.commands import AnyCommand
from libs.events.events import (
    AnyEvent,
    CommandRejected,
    OrderDone,
    OrderRejected,
    OrderReplenished,
    StopTriggered,
    TradeExecuted,
)
from libs.events.values import DoneReason
from libs.matching import Engine
from tests.benchmarks.contest import START, STEP
from tests.benchmarks.entry import OrderEntry, listed
from tests.benchmarks.libraries import LightMatchingEngine, PyOrderBook, left_out
from tests.benchmarks.scenarios import NUMBER, SCENARIOS, Scenario, Stream
from tests.benchmarks.scratch import ScratchMatcher

MOST_RESTING = 10_000
EVERY = [each._replace(resting=min(MOST_RESTING, each.resting)) for each in SCENARIOS]
WITH_AMENDS = ("steady", "1,000 products")


def names(scenario: Scenario) -> str:
    return scenario.name


def stream(scenario: Scenario) -> Stream:
    return scenario.make(OrderEntry(START, STEP), scenario.resting)


def all_of(scenario: Scenario) -> Iterator[AnyCommand]:
    filling, endless = stream(scenario)
    return chain(filling, islice(endless, scenario.cycle))


class Books:
    """An engine with the products of a scenario listed."""

    def __init__(self, scenario: Scenario) -> None:
        self.engine = Engine(0)
        self._offset = scenario.products
        for at in range(scenario.products):
            self.engine.handle(listed(NUMBER * (1 + at), f"P{at}-USD", START), at, START)

    def decide(self, command: AnyCommand) -> Sequence[AnyEvent]:
        self._offset += 1
        return self.engine.handle(command, self._offset, command.sent + STEP)

    def trades(self) -> int:
        return sum(book.trade_id for book in self.engine.state.products.values())

    def resting(self) -> int:
        return sum(len(book.orders) for book in self.engine.state.products.values())


@pytest.mark.parametrize("scenario", EVERY, ids=names)
def test_no_order_of_a_stream_is_rejected_and_the_filling_rests(scenario: Scenario) -> None:
    books = Books(scenario)
    filling, endless = stream(scenario)
    placed = sum(len(books.decide(command)) for command in filling) // 2  # OrderAccepted and OrderRested
    assert books.resting() == placed
    assert books.trades() == 0
    found = Counter(type(event) for command in islice(endless, scenario.cycle) for event in books.decide(command))
    assert not found[OrderRejected]
    assert not found[CommandRejected]


@pytest.mark.parametrize("scenario", EVERY, ids=names)
def test_the_scratch_matcher_trades_as_often_as_the_engine(scenario: Scenario) -> None:
    books = Books(scenario)
    scratches = {NUMBER * (1 + at): ScratchMatcher() for at in range(scenario.products)}
    for command in all_of(scenario):
        books.decide(command)
        scratches[command.number].handle(command)
    trades = sum(scratch.trades for scratch in scratches.values())
    # Of a partly filled order it takes a new size for what remains, and it lets an account trade with itself.
    tolerance = 0.03 if scenario.name.startswith(WITH_AMENDS) else 0
    assert trades == pytest.approx(books.trades(), rel=tolerance)


@pytest.mark.parametrize("library", [LightMatchingEngine, PyOrderBook])
@pytest.mark.parametrize("name", ["sweeps", "flash crash"])
def test_a_library_ends_with_the_orders_of_the_engine(
    name: str, library: type[LightMatchingEngine | PyOrderBook]
) -> None:
    scenario = next(each for each in EVERY if each.name.startswith(name))
    books, given = Books(scenario), library()
    filling, endless = stream(scenario)
    for order in filling:
        books.decide(order)
        given.fill(order)
    commands = list(islice(endless, scenario.cycle))
    assert not any(map(left_out, commands))
    for command in commands:
        books.decide(command)
    given.decide(commands)
    assert given.resting() == books.resting()


def test_one_trade_sets_off_all_stops() -> None:
    scenario = next(each for each in EVERY if each.needs == "stops")
    books = Books(scenario)
    *before, last = all_of(scenario)
    assert not any(isinstance(event, StopTriggered) for command in before for event in books.decide(command))
    events = books.decide(last)
    assert sum(isinstance(event, StopTriggered) for event in events) == scenario.resting
    assert sum(isinstance(event, TradeExecuted) for event in events) == scenario.resting + 1
    assert books.resting() == 0


def test_icebergs_show_every_slice_in_turn() -> None:
    scenario = next(each for each in EVERY if each.needs == "icebergs")
    books = Books(scenario)
    events = [event for command in all_of(scenario) for event in books.decide(command)]
    makers = [event.maker_order_id for event in events if isinstance(event, TradeExecuted)]
    assert all(one != other for one, other in pairwise(makers))
    icebergs = scenario.cycle // 51
    assert sum(isinstance(event, OrderReplenished) for event in events) == icebergs * 999
    filled = [event for event in events if isinstance(event, OrderDone) and event.reason is DoneReason.FILLED]
    assert len(filled) == scenario.cycle
