"""One side of a book: price levels from the best on, and in each level a queue in time order.

Prices stand in a sorted list with the best at its end: most levels come and go near the touch, where a list moves
little. Asks stand in it negated, so that one code serves both sides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from libs.book.orders import Order
from libs.events.values import Side


class Level:
    """The orders at one price, a doubly linked queue: constant time at both ends and in the middle."""

    __slots__ = ("count", "head", "price", "tail", "volume")

    def __init__(self, price: int) -> None:
        self.price = price
        self.volume = 0
        """Sum of what its orders display."""
        self.count = 0
        self.head: Order | None = None
        self.tail: Order | None = None

    def __iter__(self) -> Iterator[Order]:
        order = self.head
        while order is not None:
            following = order.next
            yield order
            order = following


class Ladder:
    __slots__ = ("best", "keys", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side is Side.BUY else -1
        self.levels: dict[int, Level] = {}
        self.keys: list[int] = []
        """sign * price of every level, ascending: the best is last."""
        self.best: Level | None = None

    def __iter__(self) -> Iterator[Level]:
        """Levels from the best to the worst."""
        levels, sign = self.levels, self.sign
        return (levels[sign * key] for key in reversed(self.keys))

    def append(self, order: Order) -> None:
        """Put an order at the back of the level of its price."""
        level = self.levels.get(order.price)
        if level is None:
            level = self._open(order.price)
        tail = level.tail
        if tail is None:
            level.head = order
        else:
            tail.next = order
        order.previous = tail
        order.next = None
        level.tail = order
        level.volume += order.displayed
        level.count += 1
        order.level = level

    def remove(self, order: Order) -> None:
        """Take an order out of its queue, wherever it stands, and its level with it when it was the last."""
        level = order.level
        assert level is not None, "an order that is not in the queue cannot leave it"
        previous, following = order.previous, order.next
        if previous is None:
            level.head = following
        else:
            previous.next = following
            order.previous = None
        if following is None:
            level.tail = previous
        else:
            following.previous = previous
            order.next = None
        order.level = None
        level.volume -= order.displayed
        level.count -= 1
        if level.head is None:
            self._close(level)

    def _open(self, price: int) -> Level:
        level = self.levels[price] = Level(price)
        keys, key = self.keys, self.sign * price
        if not keys or key > keys[-1]:
            keys.append(key)
            self.best = level
        else:
            keys.insert(bisect_left(keys, key), key)
        return level

    def _close(self, level: Level) -> None:
        keys = self.keys
        del self.levels[level.price]
        if level is self.best:
            keys.pop()
            self.best = self.levels[self.sign * keys[-1]] if keys else None
        else:
            del keys[bisect_left(keys, self.sign * level.price)]
