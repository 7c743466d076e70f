"""The check's own book: each rule it holds the events to, broken once."""

from collections.abc import Callable
from itertools import count
from typing import TypeAlias

import pytest
from msgspec.structs import replace

from libs.events.codec import encode
from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, ListProduct, PlaceOrder
from libs.events.events import (
    AnyEvent,
    CancelRejected,
    DuplicateIgnored,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderRejected,
    OrderRested,
    TradeExecuted,
)
from libs.events.ids import key_digest, mint
from libs.events.values import NO_ID, OrderType, RejectReason, Side
from libs.matching.engine import Engine
from sim.check.books import compare_shown
from sim.check.difference import Difference
from sim.check.outcomes import Commands, Outcomes
from sim.exchange import Book
from tests.unit.sim.venue import START, STEP, Stored

NUMBER = 256
OWNER = "rec-001"


class Script:
    """Commands to an engine, and what it said."""

    def __init__(self) -> None:
        self.engine = Engine(0)
        self.commands: list[AnyCommand] = []
        self.events: list[AnyEvent] = self.engine.adopt_rules()
        self._count = count(1)
        self.do(ListProduct(self._id(0), "op", 0, NO_ID, "", 0, START, 0, None, "BTC-USD", "BTC", "USD", 2, 8, 1, 1))

    def place(self, oid: str, side: Side, price: int, size: int, owner: str = OWNER) -> None:
        order = self._id(NUMBER)
        head = (order, owner, NUMBER, order, oid, key_digest(owner, NUMBER, oid), self._now(), 0, None)
        self.do(PlaceOrder(*head, side, OrderType.LIMIT, price, size))

    def cancel(self, oid: str) -> None:
        self.do(CancelOrder(self._id(NUMBER), OWNER, NUMBER, NO_ID, oid, 0, self._now(), 0, None))

    def amend(self, oid: str, size: int) -> None:
        self.do(AmendOrder(self._id(NUMBER), OWNER, NUMBER, NO_ID, oid, 0, self._now(), 0, None, None, size))

    def do(self, command: AnyCommand) -> None:
        offset = len(self.commands)
        self.commands.append(command)
        self.events += self.engine.handle(command, offset, START + offset * STEP)

    def check(self, events: list[AnyEvent]) -> Outcomes:
        asked = Commands(0)
        asked.add([Stored(offset, encode(command)) for offset, command in enumerate(self.commands)])
        outcomes = Outcomes(asked, 0)
        for event in events:
            outcomes.read(Stored(event.seq, encode(event)))
        return outcomes

    def _id(self, number: int) -> bytes:
        return mint(START // 1_000_000, next(self._count), number)

    def _now(self) -> int:
        return START + len(self.commands) * STEP


@pytest.fixture
def script() -> Script:
    made = Script()
    made.place("s1", Side.SELL, 101, 5)
    made.place("s2", Side.SELL, 101, 5)
    made.place("b1", Side.BUY, 99, 5)
    made.amend("s1", 4)
    made.place("b2", Side.BUY, 101, 6, "rec-002")  # s1 whole, 2 of s2
    made.cancel("s1")
    made.cancel("never")
    made.cancel("b1")
    made.do(made.commands[-1])
    return made


def test_what_the_engine_says_holds(script: Script) -> None:
    outcomes = script.check(script.events)
    (book,) = outcomes.books.values()
    assert book.totals() == (6, 6, 6)
    assert [(price, size) for price, size, _ in book.resting(Side.SELL)] == [(101, 3)]
    assert book.resting(Side.BUY) == []
    assert outcomes.rejections == {RejectReason.ORDER_DONE: 1, RejectReason.UNKNOWN_ORDER: 1}
    assert outcomes.duplicates == 1


Change: TypeAlias = Callable[[AnyEvent], AnyEvent]


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (TradeExecuted, lambda event: replace(event, price=100), "price of its maker"),
        (TradeExecuted, lambda event: replace(event, size=3), "what remains"),
        (TradeExecuted, lambda event: replace(event, trade_id=7), "the next trade"),
        (TradeExecuted, lambda event: replace(event, taker_side=Side.SELL), "sides"),
        (TradeExecuted, lambda event: replace(event, maker_order_id=event.taker_order_id), "first in its queue"),
        (TradeExecuted, lambda event: replace(event, sequence=event.sequence + 1), "sequence of BTC-USD"),
        (OrderRested, lambda event: replace(event, remaining=9), "what rests"),
        (OrderRested, lambda event: replace(event, price=90), "what rests"),
        (OrderAmended, lambda event: replace(event, kept_place=False), "keeps its place"),
        (OrderAmended, lambda event: replace(event, remaining=1), "size = filled"),
        (OrderDone, lambda event: replace(event, remaining=77), "remaining"),
        (OrderAccepted, lambda event: replace(event, command_id=NO_ID), "id of command"),
        (OrderAccepted, lambda event: replace(event, command_offset=99), "next command"),
        (CancelRejected, lambda event: replace(event, client_oid="s2"), "the order is open"),
        (CancelRejected, lambda event: replace(event, reason=RejectReason.NOT_OWNER), "cannot give"),
        (CancelRejected, lambda event: replace(event, client_oid="x", reason=RejectReason.ORDER_DONE), "never came"),
        (DuplicateIgnored, lambda event: replace(event, sequence=event.sequence + 1), "sequence of BTC-USD"),
    ],
)  # fmt: skip
def test_an_event_that_says_otherwise_is_named(
    script: Script, kind: type[AnyEvent], change: Change, message: str
) -> None:
    at = next(at for at, event in enumerate(script.events) if isinstance(event, kind))
    changed = [*script.events[:at], change(script.events[at]), *script.events[at + 1 :]]
    with pytest.raises(Difference, match=message) as caught:
        script.check(changed)
    assert f"event {script.events[at].seq}:" in str(caught.value)


def test_a_second_outcome_is_named(script: Script) -> None:
    again = script.commands[1]
    script.commands.append(again)
    last = script.events[-1]
    first = next(event for event in script.events if isinstance(event, OrderAccepted))
    second = replace(
        first, seq=last.seq + 1, sequence=last.sequence + 1, command_offset=last.command_offset + 1, last=True
    )
    with pytest.raises(Difference, match="second outcome"):
        script.check([*script.events, second])


def test_a_rejection_of_the_same_key_must_name_what_came_first(script: Script) -> None:
    script.place("b2", Side.BUY, 50, 1, "rec-002")
    (rejected,) = script.events[-1:]
    assert isinstance(rejected, OrderRejected)
    assert rejected.reason is RejectReason.DUPLICATE
    assert script.check(script.events).duplicates == 2
    with pytest.raises(Difference, match="never decided"):
        script.check([*script.events[:-1], replace(rejected, first_order_id=mint(1, 1, 1))])


def test_a_book_that_the_api_shows_otherwise_is_named(script: Script) -> None:
    outcomes = script.check(script.events)
    product, book = outcomes.products[NUMBER], outcomes.books[NUMBER]
    ((price, size, order),) = book.resting(Side.SELL)
    assert (price, size) == (101, 3)
    from libs.events.ids import text

    right = Book(0, [], [("1.01", "0.00000003", text(order))])
    compare_shown(product, book, right)
    with pytest.raises(Difference, match="place 0"):
        compare_shown(product, book, Book(0, [], [("1.01", "0.00000004", text(order))]))
    with pytest.raises(Difference, match="orders"):
        compare_shown(product, book, Book(0, [], []))
