"""What the book's structures do when much has come and gone: nothing is lost, and what is gone is not kept for ever."""

import random

import pytest
from msgspec.structs import replace

from libs.book.deadlines import NEVER, Deadlines
from libs.book.forms import VERSION
from libs.book.ladder import SLACK, Ladder
from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.snapshot import Unusable, dump, load
from libs.book.stops import Stops
from libs.book.window import CAPACITY, DURATION, GENERATION, SECOND, Window
from libs.events.values import NO_ID, SelfTradePrevention, Side, TimeInForce
from tests.unit.matching.script import Venue, check


def order(number: int, price: int, side: Side = Side.SELL, stop_price: int = 0, expire_time: int = 0) -> Order:
    return Order(
        number.to_bytes(16, "big"), "ann", 0, side, price, 5, 5, 5, number, TimeInForce.GTC, False,
        SelfTradePrevention.DC, 0, stop_price, expire_time, 0, 0, False,
    )  # fmt: skip


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_ladder_is_what_a_plain_list_of_orders_is(side: Side) -> None:
    chance, ladder = random.Random(1), Ladder(side)
    standing: list[Order] = []
    for number in range(6_000):
        if standing and chance.random() < 0.5:
            ladder.remove(standing.pop(chance.randrange(len(standing))))
        else:
            standing.append(order(number, chance.randrange(1, 400), side))
            ladder.append(standing[-1])
        if number % 100 == 0:
            sign = -1 if side is Side.BUY else 1
            assert [each for level in ladder for each in level] == sorted(standing, key=lambda each: sign * each.price)
    queued = sum(len(level.queue) for level in ladder.levels.values())
    assert queued <= 2 * len(standing) + SLACK * len(ladder.levels)


def test_a_ladder_does_not_keep_every_price_that_ever_was() -> None:
    ladder = Ladder(Side.SELL)
    ladder.append(order(0, 1))
    for number in range(1, 10_000):
        far = order(number, 1 + number)
        ladder.append(far)
        ladder.remove(far)
    assert len(ladder.keys) == len(ladder.levels) <= 2 * SLACK + 2
    assert [level.price for level in ladder] == [1]


def test_a_queue_does_not_keep_everything_that_ever_stood_in_it() -> None:
    ladder = Ladder(Side.BUY)
    ladder.append(order(0, 7, Side.BUY))
    for number in range(1, 1_000):
        gone = order(number, 7, Side.BUY)
        ladder.append(gone)
        ladder.remove(gone)
    assert len(ladder.levels[7].queue) <= 2 + SLACK + 1


def test_a_cancel_sweeps_the_queue_too() -> None:
    venue = Venue(checks_state=False)
    check("place M ann sell 1 @ 101 -> accepted, rests 1", venue)
    for number in range(100):
        check(f"place X{number} bob sell 1 @ 101 -> accepted, rests 1\ncancel X{number} bob -> done canceled", venue)
    assert len(venue.engine.state.products[venue.number].asks.levels[1010].queue) <= 2 + SLACK + 1


def test_stops_that_were_disarmed_are_swept() -> None:
    stops = Stops()
    stops.arm(order(0, 0, stop_price=100), 1)
    for number in range(1, 1_000):
        gone = order(number, 0, stop_price=50)
        stops.arm(gone, number + 1)
        stops.disarm(gone)
    assert [each.priority for each in stops] == [1]
    assert len(stops._sells) <= 2 + 33


def test_deadlines_that_were_called_off_are_swept() -> None:
    orders: dict[bytes, Order] = {}
    deadlines = Deadlines(orders)
    assert (deadlines.next, deadlines.earliest()) == (NEVER, None)
    for time in range(1, 1_000):
        deadlines.switch("ann", time)
    assert len(deadlines._heap) <= 2 + 65
    assert deadlines.earliest() == (999, 0, "ann")


def test_the_earliest_deadline_of_all_products() -> None:
    venue = Venue()
    assert venue.engine.state.next_deadline() is None
    check("place A1 ann sell 1 @ 101 gtd 10s -> accepted, rests 1", venue)
    found = venue.engine.state.next_deadline()
    book = venue.engine.state.products[venue.number]
    assert found == next(iter(book.orders.values())).expire_time


def test_a_full_generation_is_followed_by_another_of_the_same_second() -> None:
    window = Window()
    for number in range(GENERATION + 2):
        if number >= window.full_at:
            window.turn(SECOND, number)
        window.add(number.to_bytes(16, "big"), number, 5 + number)
    window.add(b"an older command", 0, 1)
    assert [(each.second, each.commands) for each in window.rows().generations] == [(1, GENERATION), (1, 3)]
    window.turn((DURATION + 1) * SECOND, GENERATION + 2)
    assert len(window) == GENERATION + 3
    window.turn((DURATION + 2) * SECOND, GENERATION + 2)
    assert (len(window), window.user_of(1), window.watermark) == (0, NO_ID, GENERATION + 6)


@pytest.mark.parametrize("capacity", [1, 3, CAPACITY])
def test_no_more_is_remembered_than_there_is_room_for(capacity: int) -> None:
    window = Window(capacity)
    for number in range(10):
        if number >= window.full_at:
            window.turn(SECOND, number)
        window.add(number.to_bytes(16, "big"), 0, number + 1)
        assert len(window) <= capacity
    assert len(Window.restored(window.rows(), capacity)) == len(window)


def test_a_window_whose_parts_do_not_fit_is_refused() -> None:
    window = Window()
    window.turn(SECOND, 0)
    window.add(bytes(16), 7, 1)
    rows = window.rows()
    for damaged in (replace(rows, ids=rows.ids + b"half"), replace(rows, keys=[]), replace(rows, generations=[])):
        with pytest.raises(ValueError, match=r"window of \d commands"):
            Window.restored(damaged)


def test_snapshots_that_cannot_be_used_say_why() -> None:
    data = dump(PartitionState(3))
    with pytest.raises(Unusable, match="not a snapshot"):
        load(data[:-1])
    assert data[1] == VERSION
    with pytest.raises(Unusable, match="version 1, this code reads 2 and 3"):
        load(data[:1] + b"\x01" + data[2:])


def test_what_makes_room_is_the_oldest_generation() -> None:
    window = Window(3)
    for number in range(4):
        window.turn((1 + number // 2) * SECOND, number)
        window.add(number.to_bytes(16, "big"), 0, number + 1)
    assert [each.second for each in window.rows().generations] == [2]
    assert window.watermark == 2
