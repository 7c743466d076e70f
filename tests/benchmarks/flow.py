"""A market's commands for one product, from a seed: a steady mix around a mid price that wanders.

45 of 100 commands cancel, 10 amend, the rest place, up to `REACH` ticks from the mid on their own side; one place in
ten takes what is there, as IOC. Because the mid moves, other places meet what it left behind, and trade too. The
orders that are cancelled and amended are drawn from all that were placed; some are filled by then, as in life.
"""

import random
from collections.abc import Iterator
from typing import Final

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.values import Side, TimeInForce
from tests.benchmarks.entry import ACCOUNTS, OrderEntry

REACH: Final = 20
"""Ticks."""
MID: Final = 1_000_000
_CANCELS, _AMENDS = 0.45, 0.10
_TAKERS: Final = 0.10
_DRIFT: Final = 0.10
"""How many places move the mid by a tick."""
_PER_LEVEL: Final = 25
"""Orders that rest at a price at the start, when they do not all fit within `REACH`."""


class Placed:
    """The orders of a stream that may still rest, by id and account."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._orders: list[tuple[bytes, str]] = []

    def __bool__(self) -> bool:
        return bool(self._orders)

    def add(self, command: PlaceOrder) -> None:
        self._orders.append((command.order_id, command.account))

    def draw(self, *, forget: bool = True) -> tuple[bytes, str]:
        """Any of them, each as likely."""
        orders = self._orders
        at = int(self._dice.random() * len(orders))
        found = orders[at]
        if forget:
            orders[at] = orders[-1]
            orders.pop()
        return found


class Flow:
    """Endless."""

    def __init__(self, entry: OrderEntry, number: int, seed: int) -> None:
        self._entry = entry
        self._number = number
        self._random = random.Random(seed)
        self._placed = Placed(self._random)
        self._mid = MID

    def now(self, time: int) -> None:
        """Go on at this time, ns."""
        self._entry.now(time)

    def resting(self, count: int) -> Iterator[PlaceOrder]:
        """Orders that fill a book, none of which trades."""
        depth = max(REACH, count // (2 * _PER_LEVEL))
        for _ in range(count):
            yield self._place(1 + int(self._random.random() * depth), TimeInForce.GTC)

    def steady(self, count: int) -> Iterator[AnyCommand]:
        """The mix, which keeps the number of resting orders about where it is."""
        draw = self._random.random
        for _ in range(count):
            kind = draw()
            if kind < _CANCELS and self._placed:
                yield self._cancel()
            elif kind < _CANCELS + _AMENDS and self._placed:
                yield self._amend()
            else:
                yield self._next_place()

    def _next_place(self) -> PlaceOrder:
        draw = self._random.random
        if draw() < _DRIFT:
            self._mid += 1 if draw() < 0.5 else -1
        distance = 1 + int(draw() * REACH)
        if draw() < _TAKERS:
            return self._place(-distance, TimeInForce.IOC)
        return self._place(distance, TimeInForce.GTC)

    def _place(self, distance: int, force: TimeInForce) -> PlaceOrder:
        """`distance` in ticks from the mid to the order's own side; beyond the mid when negative."""
        draw = self._random.random
        buys = draw() < 0.5
        account = ACCOUNTS[int(draw() * len(ACCOUNTS))]
        side, price = (Side.BUY, self._mid - distance) if buys else (Side.SELL, self._mid + distance)
        command = self._entry.place(self._number, account, side, price, 1 + int(draw() * 100), force)
        if force is TimeInForce.GTC:
            self._placed.add(command)
        return command

    def _cancel(self) -> CancelOrder:
        """One in ten is sent twice, so that as many orders are forgotten as are placed to rest."""
        order_id, account = self._placed.draw(forget=self._random.random() >= _TAKERS)
        return self._entry.cancel(self._number, account, order_id)

    def _amend(self) -> AmendOrder:
        """Half to another price, half to another size."""
        draw = self._random.random
        order_id, account = self._placed.draw(forget=False)
        price = self._mid + int(draw() * 2 * REACH) - REACH if draw() < 0.5 else None
        size = None if price else 1 + int(draw() * 100)
        return self._entry.amend(self._number, account, order_id, price, size)
