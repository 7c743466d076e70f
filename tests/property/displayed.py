"""What everybody may see of the books, from events alone, and what order protection says of it.

No trade, and no meeting of one's own order, passes a price that is shown and better; and at the end of a command no bid is
at or above an offer.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from libs.events.events import (
    AnyEvent,
    OrderAmended,
    OrderDone,
    OrderReplenished,
    OrderRested,
    SelfTradePrevented,
    TradeExecuted,
)
from libs.events.values import Side

Queue: TypeAlias = tuple[int, Side]
"""The number of a product, and a side of its book."""


@dataclass
class Displayed:
    orders: dict[bytes, tuple[Queue, int]] = field(default_factory=dict)
    """Where each order is shown, and at which price."""
    prices: dict[Queue, dict[int, int]] = field(default_factory=dict)
    """How many orders are shown at each price."""

    def take(self, event: AnyEvent) -> None:
        match event:
            case OrderRested() | OrderReplenished():
                self._enter(event.order_id, (event.number, event.side), event.price)
            case TradeExecuted() | SelfTradePrevented():
                self._meet(event)
            case OrderAmended() if not event.kept_place:
                self._leave(event.order_id)
            case OrderDone():
                self._leave(event.order_id)
        if event.last:
            bid, ask = self.best((event.number, Side.BUY)), self.best((event.number, Side.SELL))
            assert bid is None or ask is None or bid < ask, f"bid {bid}, ask {ask}"

    def best(self, queue: Queue) -> int | None:
        prices = self.prices.get(queue)
        if not prices:
            return None
        return max(prices) if queue[1] is Side.BUY else min(prices)

    def _meet(self, event: TradeExecuted | SelfTradePrevented) -> None:
        queue, price = self.orders[event.maker_order_id]
        assert queue == (event.number, Side.SELL if event.taker_side is Side.BUY else Side.BUY)
        assert event.price == price == self.best(queue), f"at {event.price}, with {self.best(queue)} shown"
        if event.size and not event.maker_displayed:
            self._leave(event.maker_order_id)

    def _enter(self, order_id: bytes, queue: Queue, price: int) -> None:
        assert order_id not in self.orders
        self.orders[order_id] = queue, price
        prices = self.prices.setdefault(queue, {})
        prices[price] = prices.get(price, 0) + 1

    def _leave(self, order_id: bytes) -> None:
        """Nothing happens to one that is not shown: a taker, an armed stop, an iceberg between two slices."""
        if order_id not in self.orders:
            return
        queue, price = self.orders.pop(order_id)
        prices = self.prices[queue]
        prices[price] -= 1
        if not prices[price]:
            del prices[price]
