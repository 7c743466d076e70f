"""Armed stops of one product: which of them the last trade is through, in the order in which they were armed."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Final

from libs.book.orders import Order
from libs.events.values import Side

_SLACK: Final = 32

_Entry = tuple[int, int, Order]
"""Stop price (negated of a sell), place in the arming order, order. Worth nothing once the order has another place."""


def _waits(entry: _Entry) -> bool:
    return entry[2].armed and entry[2].priority == entry[1]


class Stops:
    """Two heaps, the nearest to fire first. Who is disarmed stays in them until it comes up or a sweep takes it."""

    __slots__ = ("_buys", "_sells", "count")

    def __init__(self) -> None:
        self._buys: list[_Entry] = []
        self._sells: list[_Entry] = []
        self.count = 0

    def __iter__(self) -> Iterator[Order]:
        """In arming order."""
        waiting = [entry[2] for heap in (self._buys, self._sells) for entry in heap if _waits(entry)]
        return iter(sorted(waiting, key=attrgetter("priority")))

    def arm(self, order: Order, place: int) -> None:
        """A stop waits from here on; `place` is the `seq` of the event that says so. One that waits takes a new place."""
        if not order.armed:
            self.count += 1
        order.armed = True
        order.priority = place
        heap = self._buys if order.side == Side.BUY else self._sells
        heappush(heap, (order.stop_price if order.side == Side.BUY else -order.stop_price, place, order))
        if len(heap) > 2 * self.count + _SLACK:
            heap[:] = filter(_waits, heap)
            heapify(heap)

    def disarm(self, order: Order) -> None:
        order.armed = False
        self.count -= 1

    def take_through(self, last_price: int) -> list[Order]:
        """Disarm and return every stop that the last trade's price is through, in arming order; 0 is no trade yet."""
        if not last_price:
            return []
        fired = self._take(self._buys, last_price) + self._take(self._sells, -last_price)
        fired.sort(key=attrgetter("priority"))
        return fired

    def _take(self, heap: list[_Entry], reached: int) -> list[Order]:
        fired = []
        while heap and heap[0][0] <= reached:
            entry = heappop(heap)
            if _waits(entry):
                self.disarm(entry[2])
                fired.append(entry[2])
        return fired


def through(side: int, stop_price: int, last_price: int) -> bool:
    """True if a stop fires at this last trade's price; 0 is no trade yet."""
    if not last_price:
        return False
    return last_price >= stop_price if side == Side.BUY else last_price <= stop_price
