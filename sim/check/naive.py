"""A book that is slow to think and hard to get wrong: dictionaries that keep the order in which things were put in.

It believes no event: what a trade leaves, who is first in the queue and whether the book is crossed is worked out here,
and an event that says otherwise is a Difference.
"""

from heapq import heappop, heappush
from typing import Final

from libs.events import events as facts
from libs.events.ids import text
from libs.events.values import DoneReason, OrderType, Side
from sim.check.difference import Difference, same

OPEN: Final = 2
ACTIVE: Final = 3
"""A stop that waits."""
DONE: Final = 4
REJECTED: Final = 5


class NaiveOrder:
    """As the events make it. `status` has the numbers of the table `orders`."""

    __slots__ = (
        "account", "armed", "client_oid", "displayed", "done_reason", "expire_time", "filled", "funds", "max_floor",
        "place", "price", "reject_reason", "remaining", "side", "size", "status", "stop_price", "taken_off", "type",
        "value",
    )  # fmt: skip

    def __init__(self, event: facts.OrderAccepted | facts.OrderRejected, status: int) -> None:
        self.account = event.account
        self.client_oid = event.client_oid
        self.side = event.side
        self.type = event.type
        self.price = event.price
        self.size = event.size
        self.funds = event.funds
        self.max_floor = event.max_floor
        self.stop_price = event.stop_price
        self.expire_time = event.expire_time
        self.armed = False
        """Waiting for its price, or ended while it did."""
        self.displayed = 0
        """What the queue shows of it."""
        self.remaining = event.size
        self.filled = 0
        self.taken_off = 0
        """By self-trade prevention."""
        self.value = 0
        self.status = status
        self.done_reason: int | None = None
        self.reject_reason: int | None = None
        self.place: int | None = None
        """The seq of the event that last gave it its place, in its queue or in the arming order, or took it away."""

    @property
    def slice(self) -> int:
        """What is shown of it at the back of its level."""
        return min(self.max_floor or self.remaining, self.remaining)

    @property
    def is_standing(self) -> bool:
        return self.status in {OPEN, ACTIVE}

    def is_through(self, price: int) -> bool:
        """Whether a last trade at this price fires it; 0 is no trade yet."""
        return price > 0 and (price >= self.stop_price if self.side == Side.BUY else price <= self.stop_price)


class Queue:
    """One side: orders by price in the order they came, and the best price."""

    def __init__(self, side: Side) -> None:
        self.levels: dict[int, dict[bytes, None]] = {}
        self._sign = -1 if side is Side.BUY else 1
        self._heap: list[int] = []

    def append(self, order_id: bytes, price: int) -> None:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = {}
            heappush(self._heap, self._sign * price)
        level[order_id] = None

    def remove(self, order_id: bytes, price: int) -> None:
        level = self.levels[price]
        del level[order_id]
        if not level:
            del self.levels[price]

    def best(self) -> int | None:
        """A price may stand in the heap without a level, or twice: what has no level is dropped here."""
        while self._heap and self._sign * self._heap[0] not in self.levels:
            heappop(self._heap)
        return self._sign * self._heap[0] if self._heap else None

    def first(self) -> bytes | None:
        price = self.best()
        return None if price is None else next(iter(self.levels[price]))

    def in_order(self) -> list[bytes]:
        """Every order, best price first, then as they came."""
        return [
            order for price in sorted(self.levels, key=lambda each: self._sign * each) for order in self.levels[price]
        ]


class NaiveBook:
    """One product."""

    def __init__(self) -> None:
        self.orders: dict[bytes, NaiveOrder] = {}
        self.open: dict[tuple[str, str], bytes] = {}
        """Open orders by account and client_oid."""
        self.names: set[tuple[str, str]] = set()
        """Every account and client_oid that was ever decided."""
        self.bids = Queue(Side.BUY)
        self.asks = Queue(Side.SELL)
        self.trades: list[tuple[int, int, int, int, bytes, bytes, int, int]] = []
        """Trade id, price, size, taker side, maker, taker, seq, time."""
        self.last_price = 0
        self._resting: set[bytes] = set()

    def queue(self, side: int) -> Queue:
        return self.bids if side == Side.BUY else self.asks

    def accepted(self, event: facts.OrderAccepted) -> bool:
        """True if it is a public fact: of a stop that will wait nobody hears."""
        order = self._new(event, OPEN)
        if order.client_oid:
            self.open[order.account, order.client_oid] = event.order_id
        return not order.stop_price or order.is_through(self.last_price)

    def rejected(self, event: facts.OrderRejected) -> None:
        self._new(event, REJECTED).reject_reason = event.reason

    def armed(self, event: facts.StopArmed) -> None:
        order = self._open(event.order_id, "waits")
        what = f"stop {text(event.order_id)}"
        same(
            f"{what}: waits for its price",
            (order.stop_price, False),
            (event.stop_price, order.is_through(self.last_price)),
        )
        order.status, order.armed, order.place = ACTIVE, True, event.seq

    def triggered(self, event: facts.StopTriggered) -> None:
        order = self._open(event.order_id, "fires")
        if not order.stop_price or event.order_id in self._resting:
            raise Difference(f"order {text(event.order_id)} fires, and is no stop that waits")
        order.status, order.armed = OPEN, False

    def rested(self, event: facts.OrderRested | facts.OrderReplenished) -> None:
        order = self._open(event.order_id, "rests")
        same(
            f"what rests of order {text(event.order_id)}",
            (order.price, order.remaining, order.slice, False),
            (event.price, event.remaining, event.displayed, order.armed),
        )
        order.displayed = event.displayed
        if event.order_id in self._resting:
            raise Difference(f"order {text(event.order_id)} rests twice")
        self.queue(order.side).append(event.order_id, order.price)
        self._resting.add(event.order_id)
        order.place = event.seq
        bid, ask = self.bids.best(), self.asks.best()
        if bid is not None and ask is not None and bid >= ask:
            raise Difference(f"crossed book: bid {bid} and ask {ask} after event {event.seq}")

    def traded(self, event: facts.TradeExecuted) -> None:
        maker, taker = self._open(event.maker_order_id, "trades"), self._open(event.taker_order_id, "trades")
        what = f"trade {event.trade_id}"
        self._first(what, maker, event.maker_order_id)
        same(f"{what}: price of its maker", maker.price, event.price)
        if maker.side == taker.side or taker.side != event.taker_side or event.size <= 0:
            raise Difference(f"{what}: sides {maker.side} and {taker.side}, size {event.size}")
        if taker.price and (taker.price - event.price) * (1 if taker.side == Side.BUY else -1) < 0:
            raise Difference(f"{what}: price {event.price} is worse than the taker's limit {taker.price}")
        for order in (maker, taker):
            order.filled += event.size
            order.value += event.price * event.size
            if not order.funds:
                order.remaining -= event.size
        same(
            f"{what}: what remains", (maker.remaining, taker.remaining), (event.maker_remaining, event.taker_remaining)
        )
        self._shrink(what, maker, event)
        self.last_price = event.price
        if min(maker.displayed, maker.remaining, taker.remaining) < 0:
            raise Difference(f"{what}: more traded than there was")
        self.trades.append(
            (
                event.trade_id, event.price, event.size, event.taker_side,
                event.maker_order_id, event.taker_order_id, event.seq, event.time,
            )
        )  # fmt: skip

    def prevented(self, event: facts.SelfTradePrevented) -> None:
        maker, taker = self._open(event.maker_order_id, "is met"), self._open(event.taker_order_id, "meets")
        what = f"self-trade prevented in event {event.seq}"
        same(f"{what}: accounts", maker.account, taker.account)
        self._first(what, maker, event.maker_order_id)
        for order in (maker, taker):
            order.taken_off += event.size
            if not order.funds:
                order.remaining -= event.size
        same(
            f"{what}: what remains", (maker.remaining, taker.remaining), (event.maker_remaining, event.taker_remaining)
        )
        self._shrink(what, maker, event)

    def amended(self, event: facts.OrderAmended) -> None:
        order = self._open(event.order_id, "is amended")
        what = f"amended order {text(event.order_id)}"
        same(
            f"{what}: size = filled + remaining + taken off",
            event.size,
            order.filled + event.remaining + order.taken_off,
        )
        same(f"{what}: keeps its place", self._keeps_place(order, event), event.kept_place)
        if not event.kept_place:
            order.place = event.seq
        if not order.armed and not (event.kept_place and event.remaining):
            self._leave(event.order_id, order)
        order.price, order.size, order.remaining = event.price, event.size, event.remaining
        order.max_floor, order.stop_price, order.expire_time = event.max_floor, event.stop_price, event.expire_time
        order.displayed = min(order.displayed, order.remaining)  # hidden size goes first

    def done(self, event: facts.OrderDone) -> None:
        order = self._open(event.order_id, "ends")
        same(f"done order {text(event.order_id)}: remaining", order.remaining, event.remaining)
        if event.reason == DoneReason.FILLED and order.remaining and order.type == OrderType.LIMIT:
            raise Difference(f"order {text(event.order_id)} is filled and {order.remaining} remain")
        self._leave(event.order_id, order)
        self.open.pop((order.account, order.client_oid), None)
        order.status, order.done_reason = DONE, event.reason

    def totals(self) -> tuple[int, int, int]:
        """Size bought, size sold, and size traded."""
        bought = sum(order.filled for order in self.orders.values() if order.side == Side.BUY)
        sold = sum(order.filled for order in self.orders.values() if order.side == Side.SELL)
        return bought, sold, sum(trade[2] for trade in self.trades)

    def resting(self, side: Side) -> list[tuple[int, int, bytes]]:
        """Price, displayed size and order of everything in the book, in queue order."""
        return [
            (self.orders[order].price, self.orders[order].displayed, order) for order in self.queue(side).in_order()
        ]

    def _new(self, event: facts.OrderAccepted | facts.OrderRejected, status: int) -> NaiveOrder:
        if event.order_id in self.orders:
            raise Difference(f"order {text(event.order_id)} has a second outcome in event {event.seq}")
        order = self.orders[event.order_id] = NaiveOrder(event, status)
        if order.client_oid:
            self.names.add((order.account, order.client_oid))
        return order

    def _open(self, order_id: bytes, what: str) -> NaiveOrder:
        order = self.orders.get(order_id)
        if order is None or not order.is_standing:
            raise Difference(f"order {text(order_id)} {what} and is not open")
        return order

    def _keeps_place(self, order: NaiveOrder, event: facts.OrderAmended) -> bool:
        """In the queue, or of a stop that waits in the arming order. An order that ends by it has lost nothing."""
        if order.armed:
            return order.stop_price == event.stop_price
        same_place = (order.price, order.max_floor) == (event.price, event.max_floor)
        return not event.remaining or (same_place and event.size <= order.size)

    def _first(self, what: str, maker: NaiveOrder, order_id: bytes) -> None:
        same(f"{what}: maker first in its queue", text(self.queue(maker.side).first() or b""), text(order_id))

    def _shrink(self, what: str, maker: NaiveOrder, event: facts.TradeExecuted | facts.SelfTradePrevented) -> None:
        """What a maker shows has become less; when its slice is gone it has left its place."""
        maker.displayed -= event.size
        same(f"{what}: what its maker shows", maker.displayed, event.maker_displayed)
        if not maker.displayed:
            self._leave(event.maker_order_id, maker)

    def _leave(self, order_id: bytes, order: NaiveOrder) -> None:
        if order_id in self._resting:
            self._resting.discard(order_id)
            self.queue(order.side).remove(order_id, order.price)
            order.displayed = 0
