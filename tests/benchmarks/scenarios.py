"""What the core is measured on: streams of commands, each endless and from a seed.

A stream first fills the books with orders that rest and do not trade, then goes on for as long as it is asked. It
repeats itself after `cycle` commands, if it has phases: a slice that is measured holds whole ones.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from libs.events.commands import AnyCommand, PlaceOrder
from libs.events.values import Side
from tests.benchmarks.entry import ACCOUNTS, OrderEntry
from tests.benchmarks.flow import MID, Flow, Placed

NUMBER: Final = 256
"""Of the first product; the next one's is 256 more."""
_ENDLESS: Final = 1 << 62
SIDES: Final = (Side.BUY, Side.SELL)
_SWEPT, _BEHIND, _AT_A_PRICE, _LOT = 300, 100, 2, 10
"""Of a sweep: levels that it takes, levels behind them, orders at each, the size of an order."""
_GULP, _WITHDRAWN = 5, 2
"""Of a crash: levels that one sell takes, bids withdrawn meanwhile."""
_CRASH: Final = 2_000
"""Levels."""
_STOPS: Final = 10_000
_SLICES, _SLICES_TAKEN, _ICEBERGS = 1_000, 20, 2
"""Of an iceberg, of one taker; icebergs that take turns at one price."""


class Stream(NamedTuple):
    filling: Iterator[PlaceOrder]
    """Ends before `endless` begins."""
    endless: Iterator[AnyCommand]


class Scenario(NamedTuple):
    name: str
    make: Callable[[OrderEntry, int], Stream]
    """From order entry and the number of resting orders."""
    resting: int
    products: int = 1
    cycle: int = 2_000
    """Commands."""
    needs: str = ""
    """What a matcher must know for this to mean anything; places and cancels when empty."""


def steady(entry: OrderEntry, resting: int) -> Stream:
    flow = Flow(entry, NUMBER, 1)
    return Stream(flow.resting(resting), flow.steady(_ENDLESS))


def many_products(entry: OrderEntry, resting: int, products: int) -> Stream:
    """The steady mix, each command for any of the products."""
    flows = [Flow(entry, NUMBER * (1 + at), at) for at in range(products)]
    each = [flow.steady(_ENDLESS) for flow in flows]
    dice = random.Random(2)
    return Stream(
        chain.from_iterable(flow.resting(resting // products) for flow in flows),
        (next(dice.choice(each)) for _ in range(_ENDLESS)),
    )


def deep(entry: OrderEntry, resting: int, ticks: int) -> Stream:
    """Half places, half cancels, anywhere within so many ticks of a touch that stands still: nothing trades."""
    dice = random.Random(3)
    placed = Placed(dice)

    def place() -> PlaceOrder:
        command = maker(entry, dice, dice.choice(SIDES), MID, ticks)
        placed.add(command)
        return command

    def cancel() -> AnyCommand:
        order_id, account = placed.draw()
        return entry.cancel(NUMBER, account, order_id)

    return Stream(
        (place() for _ in range(resting)),
        (place() if dice.random() < 0.5 or not placed else cancel() for _ in range(_ENDLESS)),
    )


def sweeps(entry: OrderEntry, resting: int) -> Stream:
    """One order takes hundreds of levels, then others put them back; bids and asks in turn."""
    dice = random.Random(4)

    def refill(side: Side, levels: int) -> Iterator[PlaceOrder]:
        sign = -1 if side is Side.BUY else 1
        distances = [distance for distance in range(1, levels + 1) for _ in range(_AT_A_PRICE)]
        dice.shuffle(distances)
        return (_sized(entry, dice, side, MID + sign * distance, _LOT) for distance in distances)

    def endless() -> Iterator[AnyCommand]:
        for turn in range(_ENDLESS):
            filled, taker = SIDES[turn % 2], SIDES[1 - turn % 2]
            limit = MID + (_SWEPT if taker is Side.BUY else -_SWEPT)
            yield entry.place(NUMBER, "sweeper", taker, limit, _SWEPT * _AT_A_PRICE * _LOT)
            yield from refill(filled, _SWEPT)

    levels = resting // (2 * _AT_A_PRICE)
    return Stream(chain(refill(Side.BUY, levels), refill(Side.SELL, levels)), endless())


def flash_crash(entry: OrderEntry, resting: int) -> Stream:
    """Sells take all bids, some levels at a time, while other bids are withdrawn; then buys lift the price back.

    Each sell leaves an ask behind at the price it reached: those are what the way back takes, and bids return behind it.
    """
    dice = random.Random(5)
    depth = resting // _AT_A_PRICE
    bids: dict[int, list[PlaceOrder]] = {}

    def refill(distances: Sequence[int]) -> Iterator[PlaceOrder]:
        for distance in distances:
            bids[distance] = [_sized(entry, dice, Side.BUY, MID - distance, _LOT) for _ in range(_AT_A_PRICE)]
            yield from bids[distance]

    def fall() -> Iterator[AnyCommand]:
        for reached in range(_GULP, depth + 1, _GULP):
            taken = sum(len(bids.pop(distance)) for distance in range(reached - _GULP + 1, reached + 1))
            yield entry.place(NUMBER, "seller", Side.SELL, MID - reached, taken * _LOT)
            yield _sized(entry, dice, Side.SELL, MID - reached + 1, _LOT)
            for _ in range(_WITHDRAWN if bids else 0):
                level = bids[dice.randint(reached + 1, depth)]
                if len(level) > 1:
                    gone = level.pop(dice.randrange(len(level)))
                    yield entry.cancel(NUMBER, gone.account, gone.order_id)

    def endless() -> Iterator[AnyCommand]:
        while True:
            yield from fall()
            for reached in range(depth, 0, -_GULP):
                yield entry.place(NUMBER, "buyer", Side.BUY, MID - reached + 1, _LOT)
                yield from refill(range(reached, reached - _GULP, -1))

    return Stream(refill(range(1, depth + 1)), endless())


def stop_cascade(entry: OrderEntry, resting: int) -> Stream:
    """Stops are armed one tick below each other, above a bid for each; the first trade through fires them one by one."""
    dice = random.Random(6)

    def endless() -> Iterator[AnyCommand]:
        while True:
            yield _sized(entry, dice, Side.SELL, MID + 1, 1)
            yield entry.place(NUMBER, "first", Side.BUY, MID + 1, 1)
            for down in range(resting + 1):
                yield entry.place(NUMBER, "bidder", Side.BUY, MID - down, 1)
            for down in range(resting):
                yield entry.place(NUMBER, "stopper", Side.SELL, 0, 1, stop_price=MID - down)
            yield _sized(entry, dice, Side.SELL, MID, 1)

    return Stream(iter(()), endless())


def icebergs(entry: OrderEntry, resting: int) -> Stream:
    """Icebergs at one price show a slice at a time, in turn, to takers of several slices each, until they are gone."""
    dice = random.Random(7)

    def endless() -> Iterator[AnyCommand]:
        while True:
            for _ in range(resting):
                yield entry.place(NUMBER, "iceberg", Side.SELL, MID, _SLICES * _LOT, max_floor=_LOT)
            for _ in range(resting * _SLICES // _SLICES_TAKEN):
                yield _sized(entry, dice, Side.BUY, MID, _SLICES_TAKEN * _LOT)

    return Stream(iter(()), endless())


def maker(entry: OrderEntry, dice: random.Random, side: Side, mid: int, ticks: int) -> PlaceOrder:
    """An order on its own side of the mid, up to so many ticks away."""
    distance = 1 + int(dice.random() * ticks)
    return _sized(
        entry, dice, side, mid - distance if side is Side.BUY else mid + distance, 1 + int(dice.random() * 100)
    )


def _sized(entry: OrderEntry, dice: random.Random, side: Side, price: int, size: int) -> PlaceOrder:
    return entry.place(NUMBER, ACCOUNTS[int(dice.random() * len(ACCOUNTS))], side, price, size)


_SWEEP_CYCLE: Final = 2 * (1 + _SWEPT * _AT_A_PRICE)
_CRASH_CYCLE: Final = _CRASH * _AT_A_PRICE + _CRASH // _GULP * (3 + _WITHDRAWN)
"""About: some withdrawals find a single order, and leave it."""
_ICEBERG_CYCLE: Final = _ICEBERGS * (1 + _SLICES // _SLICES_TAKEN)

SCENARIOS: Final = (
    Scenario("steady mix, 1,000 resting", steady, 1_000),
    Scenario("steady mix, 1,000,000 resting", steady, 1_000_000),
    Scenario("static deep book, 40,000 prices", partial(deep, ticks=20_000), 1_000_000),
    Scenario("static deep book, 400,000 prices", partial(deep, ticks=200_000), 1_000_000),
    Scenario("sweeps through 300 levels", sweeps, 2 * (_SWEPT + _BEHIND) * _AT_A_PRICE, cycle=2 * _SWEEP_CYCLE),
    Scenario("flash crash through 2,000 levels", flash_crash, _CRASH * _AT_A_PRICE, cycle=_CRASH_CYCLE),
    Scenario("1,000 products", partial(many_products, products=1_000), 100_000, products=1_000),
    Scenario("cascades of 10,000 stops", stop_cascade, _STOPS, cycle=2 * _STOPS + 4, needs="stops"),
    Scenario("icebergs of 1,000 slices", icebergs, _ICEBERGS, cycle=10 * _ICEBERG_CYCLE, needs="icebergs"),
)
