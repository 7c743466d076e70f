"""The least that a price-time matcher can be: price levels of deques, no events, no checks, no duplicates window.

It is the baseline of the core: what the same orders cost in Python when nothing is recorded of them.
"""

from bisect import insort
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.values import TimeInForce

_ANY_PRICE = 1 << 62


@dataclass(slots=True)
class Resting:
    buys: bool
    price: int
    remaining: int
    """Of an iceberg that rests: of the slice it shows."""
    floor: int = 0
    hidden: int = 0


class Stop(NamedTuple):
    key: int
    """Its price, negated if it sells: it fires when the last trade's price, negated likewise, is at or above."""
    armed: int
    order_id: bytes
    order: Resting
    may_rest: bool


class ScratchMatcher:
    """Cancelled orders stay in their deque with nothing remaining, until they come to its front."""

    def __init__(self) -> None:
        self.trades = 0
        self._last = 0
        self._orders: dict[bytes, Resting] = {}
        self._levels: tuple[dict[int, deque[Resting]], dict[int, deque[Resting]]] = ({}, {})
        self._prices: tuple[list[int], list[int]] = ([], [])
        """Ascending, asks negated: the best is last."""
        self._stops: tuple[list[Stop], list[Stop]] = ([], [])
        """Heaps: the next to fire is first."""
        self._arming = count()

    def handle(self, command: AnyCommand) -> None:
        kind = type(command)
        if kind is CancelOrder:
            found = self._orders.pop(command.order_id, None)
            if found is not None:
                found.remaining = found.hidden = 0
        elif isinstance(command, PlaceOrder):
            self._place(command)
        elif isinstance(command, AmendOrder):
            self._amend(command)

    def _place(self, command: PlaceOrder) -> None:
        buys = command.side == 1
        order = Resting(buys, command.price or (_ANY_PRICE if buys else 0), command.size, command.max_floor)
        may_rest = command.time_in_force is TimeInForce.GTC and command.price > 0
        if command.stop_price:
            key = command.stop_price if buys else -command.stop_price
            heappush(self._stops[not buys], Stop(key, next(self._arming), command.order_id, order, may_rest))
            self._orders[command.order_id] = order
        else:
            self._enter(command.order_id, order, may_rest)
        if self._stops[0] or self._stops[1]:
            self._fire()

    def _amend(self, command: AmendOrder) -> None:
        order = self._orders.get(command.order_id)
        if order is None or not order.remaining:
            return
        if command.price is None and command.size is not None and command.size <= order.remaining:
            order.remaining = command.size
            return
        moved = Resting(order.buys, command.price or order.price, command.size or order.remaining)
        order.remaining = 0
        self._enter(command.order_id, moved, True)

    def _enter(self, order_id: bytes, order: Resting, may_rest: bool) -> None:
        self._match(order)
        if not order.remaining or not may_rest:
            return
        if order.floor:
            order.hidden = max(0, order.remaining - order.floor)
            order.remaining -= order.hidden
        self._orders[order_id] = order
        side = 0 if order.buys else 1
        level = self._levels[side].get(order.price)
        if level is None:
            level = self._levels[side][order.price] = deque()
            insort(self._prices[side], order.price if order.buys else -order.price)
        level.append(order)

    def _match(self, taker: Resting) -> None:
        side = 1 if taker.buys else 0
        levels, prices = self._levels[side], self._prices[side]
        limit = -taker.price if taker.buys else taker.price
        while taker.remaining and prices and prices[-1] >= limit:
            price = abs(prices[-1])
            queue = levels[price]
            while queue and taker.remaining:
                maker = queue[0]
                size = maker.remaining if maker.remaining < taker.remaining else taker.remaining
                maker.remaining -= size
                taker.remaining -= size
                if size:
                    self.trades += 1
                    self._last = price
                if not maker.remaining:
                    queue.popleft()
                    if maker.hidden:
                        maker.remaining = maker.floor if maker.floor < maker.hidden else maker.hidden
                        maker.hidden -= maker.remaining
                        queue.append(maker)
            if not queue:
                del levels[price]
                prices.pop()

    def _fire(self) -> None:
        """Whatever the last trade has reached, in arming order, and then what that has reached."""
        line: deque[Stop] = deque()
        while True:
            self._line_up(line)
            if not line:
                return
            stop = line.popleft()
            if stop.order.remaining:
                self._enter(stop.order_id, stop.order, stop.may_rest)

    def _line_up(self, line: deque[Stop]) -> None:
        if not self._last:
            return
        through = []
        for stops, reached in ((self._stops[0], self._last), (self._stops[1], -self._last)):
            while stops and stops[0].key <= reached:
                through.append(heappop(stops))
        through.sort(key=lambda stop: stop.armed)
        line.extend(through)
