"""A market's commands for one product, from a seed: a steady mix around a mid price that wanders.

45 of 100 commands cancel, 10 amend, the rest place, up to `REACH` ticks from the mid on their own side; one place in
ten takes what is there, as IOC. Because the mid moves, other places meet what it left behind, and trade too. The
orders that are cancelled and amended are drawn from all that were placed; some are filled by then, as in life.
"""

import random
from collections.abc import Iterator
from typing import Final

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.ids import key_digest, mint
from libs.events.values import OrderType, Side, TimeInForce

REACH: Final = 20
"""Ticks."""
MID: Final = 1_000_000
_ACCOUNTS: Final = tuple(f"account-{number:03}" for number in range(200))
_CANCELS, _AMENDS = 0.45, 0.10
_TAKERS: Final = 0.10
_DRIFT: Final = 0.10
"""How many places move the mid by a tick."""
_PER_LEVEL: Final = 25
"""Orders that rest at a price at the start, when they do not all fit within `REACH`."""


class Flow:
    """Endless. `start` and `step` are order_api's times in ns: of the first command, and between two."""

    def __init__(self, number: int, seed: int, start: int, step: int) -> None:
        self._number = number
        self._random = random.Random(seed)
        self._time = start
        self._step = step
        self._mid = MID
        self._index = 0
        self._placed: list[tuple[bytes, str]] = []

    def now(self, time: int) -> None:
        """Go on at this time, ns."""
        self._time = time

    def resting(self, count: int) -> Iterator[AnyCommand]:
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
        price = self._mid - distance if buys else self._mid + distance
        account = _ACCOUNTS[int(draw() * len(_ACCOUNTS))]
        order_id = self._mint()
        client_oid = f"c{self._index}"
        if force is TimeInForce.GTC:
            self._placed.append((order_id, account))
        return PlaceOrder(
            order_id,
            account,
            self._number,
            order_id,
            client_oid,
            key_digest(account, self._number, client_oid),
            self._time,
            0,
            None,
            Side.BUY if buys else Side.SELL,
            OrderType.LIMIT,
            price,
            1 + int(draw() * 100),
            0,
            force,
        )

    def _cancel(self) -> CancelOrder:
        """One in ten is sent twice, so that as many orders are forgotten as are placed to rest."""
        order_id, account = self._any(forget=self._random.random() >= _TAKERS)
        return CancelOrder(self._mint(), account, self._number, order_id, "", 0, self._time, 0, None)

    def _amend(self) -> AmendOrder:
        """Half to another price, half to another size."""
        draw = self._random.random
        order_id, account = self._any(forget=False)
        price = self._mid + int(draw() * 2 * REACH) - REACH if draw() < 0.5 else None
        size = None if price else 1 + int(draw() * 100)
        return AmendOrder(self._mint(), account, self._number, order_id, "", 0, self._time, 0, None, price, size)

    def _any(self, *, forget: bool) -> tuple[bytes, str]:
        placed = self._placed
        at = int(self._random.random() * len(placed))
        found = placed[at]
        if forget:
            placed[at] = placed[-1]
            placed.pop()
        return found

    def _mint(self) -> bytes:
        self._index += 1
        self._time += self._step
        return mint(self._time // 1_000_000, self._index, self._number)
