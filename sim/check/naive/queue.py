"""One side of a book."""

from heapq import heappop, heappush

from libs.events.values import Side
from sim.check.naive.order import NaiveOrder


class Queue:
    """Orders by price in the order they came, and the best price."""

    def __init__(self, side: Side) -> None:
        self.levels: dict[int, dict[bytes, NaiveOrder]] = {}
        self._sign = -1 if side is Side.BUY else 1
        self._heap: list[int] = []

    def append(self, order: NaiveOrder) -> None:
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = {}
            heappush(self._heap, self._sign * order.price)
        level[order.order_id] = order

    def remove(self, order: NaiveOrder) -> None:
        level = self.levels[order.price]
        del level[order.order_id]
        if not level:
            del self.levels[order.price]

    def best(self) -> int | None:
        """A price may stand in the heap without a level, or twice: what has no level is dropped here."""
        while self._heap and self._sign * self._heap[0] not in self.levels:
            heappop(self._heap)
        return self._sign * self._heap[0] if self._heap else None

    def first(self) -> NaiveOrder | None:
        price = self.best()
        return None if price is None else next(iter(self.levels[price].values()))

    def prices(self) -> list[int]:
        """From the best on."""
        return sorted(self.levels, key=lambda each: self._sign * each)

    def in_order(self) -> list[NaiveOrder]:
        """Every order, best price first, then as they came."""
        return [order for price in self.prices() for order in self.levels[price].values()]
