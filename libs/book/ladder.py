"""One side of a book: price levels from the best on, and in each level a queue in time order.

Nothing is moved when an order leaves the middle of a queue, or a level the middle of the ladder: what is gone is marked,
passed over, and swept when it is more than half. So a cancel touches one order and one level, however deep the book.

Prices stand in a sorted list with the best at its end: most levels come and go near the touch, where a list moves
little. Asks stand in it negated, so that one code serves both sides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import Final

from libs.book.orders import Order
from libs.events.values import Side

SLACK: Final = 32
"""Entries that may be gone before a sweep is worth its time, however few are left."""


class Level:
    """The orders at one price."""

    __slots__ = ("count", "price", "queue", "volume")

    def __init__(self, price: int) -> None:
        self.price = price
        self.volume = 0
        """Sum of what its orders display."""
        self.count = 0
        self.queue: deque[Order] = deque()
        """In time order, with entries of orders that have left: their `remaining` is 0."""

    def __iter__(self) -> Iterator[Order]:
        return (order for order in self.queue if order.remaining)

    def sweep(self) -> None:
        """Drop the entries of orders that have left: when they are more than half, it has paid for itself."""
        self.queue = deque([order for order in self.queue if order.remaining])


class Ladder:
    """The last key is that of the best level, and that level is never empty."""

    __slots__ = ("best", "empty", "keys", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side is Side.BUY else -1
        self.levels: dict[int, Level] = {}
        """By price; some of them empty, and kept for the next order."""
        self.keys: list[int] = []
        """sign * price of every level, ascending: the best is last."""
        self.best: Level | None = None
        self.empty = 0

    def __iter__(self) -> Iterator[Level]:
        """Levels from the best to the worst."""
        levels, sign = self.levels, self.sign
        return (level for key in reversed(self.keys) if (level := levels[sign * key]).count)

    def append(self, order: Order) -> None:
        """Put an order at the back of the level of its price."""
        level = self.levels.get(order.price) or self.open(order.price)
        if not level.count:
            self.empty -= 1
        level.count += 1
        level.volume += order.displayed
        level.queue.append(order)

    def remove(self, order: Order) -> None:
        """Take an order out of its queue, wherever it stands. Its entry is worth nothing from here on."""
        level = self.levels[order.price]
        level.volume -= order.displayed
        order.remaining = 0
        level.count = count = level.count - 1
        if not count:
            self.vacate(level)
        elif len(level.queue) > 2 * count + SLACK:
            level.sweep()

    def open(self, price: int) -> Level:
        """A level for a price that has none: empty, for the caller to fill at once."""
        level = self.levels[price] = Level(price)
        keys, key = self.keys, self.sign * price
        if not keys or key > keys[-1]:
            keys.append(key)
            self.best = level
        else:
            keys.insert(bisect_left(keys, key), key)
        self.empty += 1
        return level

    def vacate(self, level: Level) -> None:
        """The last order of a level has left. The best one goes; another waits for the next order at its price."""
        level.queue.clear()
        self.empty += 1
        if level is self.best:
            self._advance()
        elif self.empty > SLACK and 2 * self.empty > len(self.keys):
            self._sweep()

    def _advance(self) -> None:
        keys, levels, sign = self.keys, self.levels, self.sign
        while keys:
            level = levels[sign * keys[-1]]
            if level.count:
                self.best = level
                return
            del levels[sign * keys.pop()]
            self.empty -= 1
        self.best = None

    def _sweep(self) -> None:
        levels, sign = self.levels, self.sign
        self.keys = [key for key in self.keys if levels[sign * key].count]
        self.levels = {sign * key: levels[sign * key] for key in self.keys}
        self.empty = 0
