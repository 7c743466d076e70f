"""Each invariant of a book is seen to fail where the book is wrong."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from libs.book.fold import Broken
from libs.book.invariants import check as check_invariants
from libs.book.parked import ParkedCommands
from libs.book.product import ProductBook
from libs.events.values import Side
from libs.matching.placing import rest
from tests.unit.matching.script import Venue, check


def _cross(book: ProductBook) -> None:
    book.bids.append(next(iter(book.asks.levels[1010].queue)))


def _lose_a_key(book: ProductBook) -> None:
    book.asks.keys.pop(0)


def _forget_the_best(book: ProductBook) -> None:
    book.asks.best = book.asks.levels[1020]


def _count_an_empty_level(book: ProductBook) -> None:
    book.asks.empty += 1


def _count_an_order_more(book: ProductBook) -> None:
    book.asks.levels[1010].count += 1


def _let_volume_drift(book: ProductBook) -> None:
    book.asks.levels[1010].volume += 1


def _turn_the_queue_round(book: ProductBook) -> None:
    book.asks.levels[1010].queue.reverse()


def _misplace(book: ProductBook) -> None:
    book.asks.levels[1010].queue[0].price = 1020


def _show_more_than_there_is(book: ProductBook) -> None:
    book.asks.levels[1010].queue[0].remaining = 4


def _show_more_than_the_floor(book: ProductBook) -> None:
    book.asks.levels[1020].queue[0].max_floor = 1


def _lose_an_index(book: ProductBook) -> None:
    del book.orders[book.asks.levels[1010].queue[0].order_id]


def _count_a_stop_more(book: ProductBook) -> None:
    book.stops.count += 1


def _pass_a_stop(book: ProductBook) -> None:
    book.last_price = 1100


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (_cross, "crossed book"),
        (_lose_a_key, "prices and levels differ"),
        (_forget_the_best, "best level is not the first"),
        (_count_an_empty_level, "said to be empty"),
        (_count_an_order_more, "counts 3 orders"),
        (_let_volume_drift, "has volume"),
        (_turn_the_queue_round, "not in time order"),
        (_misplace, "does not belong there"),
        (_show_more_than_there_is, "size is not filled"),
        (_show_more_than_the_floor, "more than its max_floor"),
        (_lose_an_index, "are indexed"),
        (_count_a_stop_more, "stops are counted"),
        (_pass_a_stop, "a stop waits"),
    ],
)
def test_what_does_not_hold_is_named(breaks: Callable[[ProductBook], None], said: str) -> None:
    venue = _venue()
    breaks(venue.engine.state.products[venue.number])
    with pytest.raises(Broken, match=said):
        check_invariants(venue.engine.state)


def _lose_a_line(parked: ParkedCommands) -> None:
    parked.lines.popitem()


def _forget_a_name(parked: ParkedCommands) -> None:
    parked.names.clear()


def _forget_a_key(parked: ParkedCommands) -> None:
    parked.keys_used.clear()


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (_lose_a_line, "their lines differ"),
        (_forget_a_name, "names and keys that are in use differ"),
        (_forget_a_key, "names and keys that are in use differ"),
    ],
)
def test_what_does_not_hold_of_parked_commands_is_named(breaks: Callable[[ParkedCommands], None], said: str) -> None:
    venue = check("fault place A1 ann sell 5 @ 101 oid x -> deferred fault 1")
    breaks(venue.engine.state.parked)
    with pytest.raises(Broken, match=said):
        check_invariants(venue.engine.state)


def test_the_engine_stops_rather_than_rest_a_crossed_order() -> None:
    venue = _venue()
    book = venue.engine.state.products[venue.number]
    maker = next(iter(book.asks.levels[1010].queue))
    lost = replace(maker, order_id=b"lost", label=0, side=Side.BUY, price=1010, displayed=0)
    with pytest.raises(Broken, match="crossed book"):
        rest(venue.engine.state, lost.order_id, book, lost, [])


def _venue() -> Venue:
    return check("""
        place  A1  ann  sell  5 @ 101                  -> accepted, rests 5
        place  A2  bob  sell  5 @ 101                  -> accepted, rests 5
        place  A3  cat  sell  5 @ 102                  -> accepted, rests 5
        place  S1  cat  buy   5 @ 110 stop 105         -> accepted, armed
    """)
