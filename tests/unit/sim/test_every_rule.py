"""The check on traffic with every kind of command and order: it holds, and an event that says otherwise is named."""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import pytest
from msgspec.structs import replace

from libs.events import events as facts
from libs.events.codec import encode
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.events.values import Side
from sim.check.difference import Difference
from sim.check.outcomes import Commands, Outcomes
from tests.unit.read_model.traffic import STEP, Traffic
from tests.unit.sim.venue import Stored

ORDERS = 1_500


class Logged(Traffic):
    """Keeps its commands, which have no hole in their offsets, as those in the log have none."""

    def __init__(self, seed: int) -> None:
        self.commands: list[AnyCommand] = []
        super().__init__(seed=seed)

    def send(self, command: AnyCommand) -> list[AnyEvent]:
        self.commands.append(command)
        self.offset += 1
        self.time += STEP
        events = self.engine.handle(command, self.offset, self.time)
        self.events += events
        return events


@cache
def traffic(seed: int) -> Logged:
    made = Logged(seed)
    made.run(ORDERS)
    made.relist()
    made.run(ORDERS // 3)
    return made


def check(made: Logged, events: list[AnyEvent]) -> Outcomes:
    asked = Commands(0)
    asked.add([Stored(offset, encode(command)) for offset, command in enumerate(made.commands)])
    outcomes = Outcomes(asked, 0)
    for event in events:
        outcomes.read(Stored(event.seq, encode(event)))
    return outcomes


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_what_the_engine_says_holds(seed: int) -> None:
    made = traffic(seed)
    outcomes = check(made, made.events)
    assert outcomes.command == len(made.commands) - 1
    for number, book in made.state.products.items():
        for side in Side:
            queue = [(o.price, o.displayed, o.order_id) for level in book.ladder(side) for o in level]
            assert outcomes.books[number].resting(side) == queue
        assert outcomes.sequences[book.product.product_id] == book.sequence
    assert all(len({*book.totals()}) == 1 for book in outcomes.books.values())


Change: TypeAlias = Callable[[AnyEvent], AnyEvent]


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (facts.StopArmed, lambda event: replace(event, stop_price=event.stop_price + 1), "waits for its price"),
        (facts.StopArmed, lambda event: replace(event, sequence=event.sequence + 1), "sequence of BTC-USD"),
        (facts.OrderReplenished, lambda event: replace(event, displayed=event.displayed + 1), "what rests"),
        (facts.OrderReplenished, lambda event: replace(event, remaining=event.remaining - 1), "what rests"),
        (facts.SelfTradePrevented, lambda event: replace(event, size=event.size + 1), "what remains"),
        (facts.SelfTradePrevented, lambda event: replace(event, maker_displayed=event.maker_displayed + 1), "shows"),
        (facts.SelfTradePrevented, lambda event: replace(event, maker_order_id=event.taker_order_id), "first in its"),
        (facts.TradeExecuted, lambda event: replace(event, maker_displayed=event.maker_displayed + 1), "maker shows"),
        (facts.CancelAllAfterFired, lambda event: replace(event, sequence=event.sequence + 1), "sequence of BTC-USD"),
        (facts.TimeAdvanced, lambda event: replace(event, sent=0), "stands before the outcome"),
        (facts.OrderAmended, lambda event: replace(event, kept_place=not event.kept_place), "keeps its place"),
    ],
)  # fmt: skip
def test_an_event_that_says_otherwise_is_named(kind: type[AnyEvent], change: Change, message: str) -> None:
    made = traffic(1)
    at = next(at for at, event in enumerate(made.events) if isinstance(event, kind))
    changed = [*made.events[:at], change(made.events[at]), *made.events[at + 1 :]]
    with pytest.raises(Difference, match=message) as caught:
        check(made, changed)
    assert f"event {made.events[at].seq}:" in str(caught.value)
