"""The least that a price-time matcher can be: price levels of deques, no events, no checks, no duplicates window.

It is the baseline of the core: what the same orders cost in Python when nothing is recorded of them.
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, PlaceOrder
from libs.events.values import TimeInForce


@dataclass(slots=True)
class Resting:
    buys: bool
    price: int
    remaining: int


class ScratchMatcher:
    """Cancelled orders stay in their deque with nothing remaining, until they come to its front."""

    def __init__(self) -> None:
        self.trades = 0
        self._orders: dict[bytes, Resting] = {}
        self._levels: tuple[dict[int, deque[Resting]], dict[int, deque[Resting]]] = ({}, {})
        self._prices: tuple[list[int], list[int]] = ([], [])
        """Ascending, asks negated: the best is last."""

    def handle(self, command: AnyCommand) -> None:
        kind = type(command)
        if kind is CancelOrder:
            found = self._orders.pop(command.order_id, None)
            if found is not None:
                found.remaining = 0
        elif isinstance(command, PlaceOrder):
            order = Resting(command.side == 1, command.price, command.size)
            self._enter(command.order_id, order, command.time_in_force is TimeInForce.GTC)
        elif isinstance(command, AmendOrder):
            self._amend(command)

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
                if not maker.remaining:
                    queue.popleft()
            if not queue:
                del levels[price]
                del prices[bisect_left(prices, prices[-1])]
