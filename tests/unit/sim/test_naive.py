"""The check believes no event: each kind of event in a script of all rules, changed in each field, lost, and doubled."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, get_args

import pytest
from msgspec.structs import asdict, replace

from libs.events.events import (
    AnyEvent,
    CancelAllAfterFired,
    CancelAllDone,
    Event,
    OrderDone,
    OrderReplenished,
    RulesChanged,
    StopTriggered,
)
from libs.events.ids import mint, text
from libs.events.values import DeadLetterName, DoneReason, Product, RejectReason
from sim.check.books import compare_shown
from sim.check.difference import Difference
from sim.exchange import Book
from tests.unit.sim.every_rule import every_rule
from tests.unit.sim.script import BUY, NUMBER, SELL, Script
from tests.unit.sim.streamed import FAILURES

HEADER = {
    "seq": "seq follows",
    "number": "number of the product",
    "sequence": "sequence",
    "time": "engine time",
    "command_offset": "command",
    "command_id": "id of command",
    "last": "last event of its command",
    "account": "account, key and sent",
    "key": "account, key and sent",
    "sent": "account, key and sent",
}
SCRIPT = every_rule()


def first_of_each() -> Iterator[int]:
    """Where each kind of event comes first, and once more where it is not a command's first."""
    seen = set()
    for at, event in enumerate(SCRIPT.events):
        what = (type(event), bool(event.account))
        if what not in seen:
            seen.add(what)
            yield at


def cases() -> Iterator[Any]:
    for at in first_of_each():
        event = SCRIPT.events[at]
        if isinstance(event, RulesChanged):
            continue
        for name, value in asdict(event).items():
            message = HEADER.get(name, rf"{type(event).__name__}\.{name}")
            yield pytest.param(at, name, other(value), message, id=f"{event.seq}-{type(event).__name__}.{name}")


def other(value: object) -> object:
    match value:
        case bool():
            return not value
        case IntEnum():
            return next(each for each in type(value) if each != value)
        case int():
            return value + 1
        case str():
            return f"{value}x"
        case bytes():
            return mint(1, 1, 1)
        case Product():
            return replace(value, max_size=value.max_size + 1)
        case _:
            return DeadLetterName(0, 1)


def test_what_the_engine_says_holds() -> None:
    outcomes = SCRIPT.check(SCRIPT.events)
    assert {type(event) for event in SCRIPT.events} == set(get_args(AnyEvent)) - FAILURES
    assert {event.reason for event in SCRIPT.events if isinstance(event, OrderDone)} == set(DoneReason) - {
        DoneReason.DEAD_LETTERED
    }
    assert outcomes.between
    assert outcomes.command + 1 == len(SCRIPT.commands)
    assert outcomes.duplicates == 1
    assert outcomes.other_rejections == {
        RejectReason.UNKNOWN_ORDER: 1, RejectReason.ORDER_DONE: 1, RejectReason.NOTHING_TO_CHANGE: 1,
        RejectReason.INVALID_PRICE: 1, RejectReason.INVALID_TIMEOUT: 1, RejectReason.TRADING_STATUS: 1,
        RejectReason.INVALID_CLUSTER_SIZE: 1, RejectReason.WRONG_PARTITION: 1,
    }  # fmt: skip
    bought, sold, traded = outcomes.books[NUMBER].totals()
    assert bought == sold == traded > 0


def test_what_is_recovered_is_compared_too() -> None:
    script = every_rule()
    before_the_end = Script()
    before_the_end.commands, before_the_end.times = script.commands, script.times
    for at, event in enumerate(script.events):
        if event.last and at % 3 == 0:
            before_the_end.events = script.events[: at + 1]
            before_the_end.check_folded(before_the_end.check(before_the_end.events))


@pytest.mark.parametrize(("at", "name", "value", "message"), list(cases()))
def test_a_field_that_says_otherwise_is_named(at: int, name: str, value: object, message: str) -> None:
    changed = replace(SCRIPT.events[at], **{name: value})
    with pytest.raises(Difference, match=message) as caught:
        SCRIPT.check([*SCRIPT.events[:at], changed])
    assert f"event {changed.seq}:" in str(caught.value)


@pytest.mark.parametrize("at", range(1, len(SCRIPT.events)))
def test_an_event_that_is_lost_or_there_twice_is_named(at: int) -> None:
    event = SCRIPT.events[at]
    with pytest.raises(Difference, match=f"event {event.seq}: seq follows {event.seq}"):
        SCRIPT.check([*SCRIPT.events[: at + 1], event])
    left = SCRIPT.events[at + 1 : at + 2]
    for later in left:
        with pytest.raises(Difference, match="seq follows"):
            SCRIPT.check([*SCRIPT.events[:at], later])
        with pytest.raises(Difference):  # the same with the seq made good: what is missing is missed
            SCRIPT.check([*SCRIPT.events[:at], replace(later, seq=event.seq)])
    with pytest.raises(Difference):
        SCRIPT.check([*SCRIPT.events[: at + 1], replace(event, seq=event.seq + 1)])


def events_of(script: Script, kind: type[Event]) -> list[int]:
    return [at for at, event in enumerate(script.events) if type(event) is kind]


def without(script: Script, gone: range) -> list[AnyEvent]:
    """The log without some events, renumbered."""
    kept = [event for at, event in enumerate(script.events) if at not in gone]
    return [replace(event, seq=at + 1) for at, event in enumerate(kept)]


def test_nothing_expires_early() -> None:
    script = Script()
    script.list_product()
    script.limit("gtd", "ann", BUY, 1, 100, expires=3)
    script.limit("b1", "bob", BUY, 1, 99)
    script.wait(1)
    script.limit("b2", "bob", BUY, 1, 98)
    assert isinstance(script.events[-3], OrderDone)
    assert script.check(script.events).between
    script.times[-1] -= 2 * 1_000_000  # it came before the deadline after all
    with pytest.raises(Difference, match="expected OrderAccepted, found OrderDone"):
        script.check(script.events)


def test_nothing_that_is_due_is_left_behind() -> None:
    script = Script()
    script.list_product()
    script.limit("gtd", "ann", BUY, 1, 100, expires=5)
    script.switch("ann", 5)
    script.limit("b1", "ann", BUY, 1, 99)
    script.wait(5)
    script.limit("b2", "bob", BUY, 1, 98)
    (fired,) = events_of(script, CancelAllAfterFired)
    assert script.check(script.events).between
    left_behind = without(script, range(fired - 2, fired + 1))
    with pytest.raises(Difference, match="expected OrderDone, found OrderAccepted"):
        script.check(left_behind)


def test_a_deadline_of_another_product_waits_for_its_own_command() -> None:
    script = Script()
    script.list_product()
    script.list_product("ETH-USD")
    script.limit("gtd", "ann", BUY, 1, 100, expires=2)
    script.wait(5)
    script.limit("b1", "bob", BUY, 1, 99, number=2 * NUMBER)
    assert not events_of(script, OrderDone)
    script.tick()
    assert len(events_of(script, OrderDone)) == 1
    assert script.check(script.events).between


def test_stops_fire_in_arming_order_and_none_is_forgotten() -> None:
    script = Script()
    script.list_product()
    script.limit("s1", "ann", SELL, 3, 100)
    script.market("first", "bob", BUY, 1, stop=100)
    script.market("second", "cat", BUY, 1, stop=99)
    script.limit("b1", "dan", BUY, 1, 100)
    one, two = events_of(script, StopTriggered)
    assert script.check(script.events).between
    first, second = script.events[one], script.events[two]
    assert isinstance(first, StopTriggered)
    assert isinstance(second, StopTriggered)
    turned = [*script.events[:one], replace(first, order_id=second.order_id)]
    with pytest.raises(Difference, match=r"StopTriggered\.order_id"):
        script.check(turned)
    before = replace(script.events[one - 1], last=True)
    with pytest.raises(Difference, match="last event of its command"):
        script.check([*script.events[: one - 1], before])


def test_a_slice_goes_to_the_back() -> None:
    script = Script()
    script.list_product()
    script.limit("ice", "ann", SELL, 4, 100, floor=2)
    script.limit("s2", "bob", SELL, 2, 100)
    script.limit("b1", "cat", BUY, 2, 100)
    assert events_of(script, OrderReplenished)
    book = script.check(script.events).books[NUMBER]
    assert [size for _, size, _ in book.resting(SELL)] == [2, 2]
    assert [order.remaining for order in book.asks.in_order()] == [2, 2]
    assert [order.client_oid for order in book.asks.in_order()] == ["s2", "ice"]


def test_a_cancel_all_counts() -> None:
    script = Script()
    script.list_product()
    script.limit("b1", "ann", BUY, 1, 100)
    script.limit("stop", "ann", BUY, 1, 100, stop=100)
    script.limit("s1", "ann", SELL, 1, 101)
    script.cancel_all("ann")
    done = [script.events[at] for at in events_of(script, OrderDone)]
    assert [event.reason for event in done if isinstance(event, OrderDone)] == [DoneReason.CANCELED] * 3
    (at,) = events_of(script, CancelAllDone)
    with pytest.raises(Difference, match=r"CancelAllDone\.count: expected 3, found 2"):
        script.check([*script.events[:at], replace(script.events[at], count=2)])
    with pytest.raises(Difference, match="expected OrderDone, found CancelAllDone"):
        script.check(without(script, range(at - 1, at)))


def test_other_rules_are_not_guessed_at() -> None:
    with pytest.raises(Difference, match="version of the rules"):
        SCRIPT.check([replace(SCRIPT.events[0], rules=1)])


def test_what_a_recording_cannot_give_is_named() -> None:
    script = Script()
    script.list_product()
    script.limit("b1", "rec-001", BUY, 1, 0)
    with pytest.raises(Difference, match="INVALID_PRICE, which this recording cannot give"):
        script.check(script.events)


def test_a_book_that_the_api_shows_otherwise_is_named() -> None:
    script = Script()
    script.list_product()
    script.limit("s1", "ann", SELL, 9, 101, floor=3)
    outcomes = script.check(script.events)
    product, book = outcomes.products[NUMBER], outcomes.books[NUMBER]
    ((_, _, order),) = book.resting(SELL)
    compare_shown(product, book, Book(0, [], [("1.01", "0.00000003", text(order))]))
    with pytest.raises(Difference, match="place 0"):
        compare_shown(product, book, Book(0, [], [("1.01", "0.00000009", text(order))]))
    with pytest.raises(Difference, match="orders"):
        compare_shown(product, book, Book(0, [], []))
