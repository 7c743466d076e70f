"""The book of one product."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from libs.events.events import OrderDone
from libs.events.ids import text
from libs.events.values import DoneReason, Product, Side
from sim.check.difference import Difference
from sim.check.naive.deadlines import Deadlines
from sim.check.naive.fact import Fact
from sim.check.naive.order import ACTIVE, DONE, OPEN, NaiveOrder
from sim.check.naive.queue import Queue

BASIS_POINTS: Final = 10_000


class Moment:
    """Where the log stands: the last event's seq, and engine time in ns."""

    __slots__ = ("seq", "time")

    def __init__(self) -> None:
        self.seq = 0
        self.time = 0


class NaiveTrade(NamedTuple):
    """In the order of the columns in Postgres."""

    trade_id: int
    price: int
    size: int
    taker_side: int
    maker: bytes
    taker: bytes
    seq: int
    time: int


class NaiveBook:
    def __init__(self, product: Product, moment: Moment, trade_id: int) -> None:
        self.product = product
        self.number: Final = product.number
        self.orders: dict[bytes, NaiveOrder] = {}
        """Every order that was ever accepted or rejected."""
        self.owned: dict[str, dict[str | int | bytes, NaiveOrder]] = {}
        """What is open, by account and by the account's name for it."""
        self.bids = Queue(Side.BUY)
        self.asks = Queue(Side.SELL)
        self.stops: dict[bytes, NaiveOrder] = {}
        """Armed, in arming order."""
        self.deadlines = Deadlines()
        self.trades: list[NaiveTrade] = []
        self.trade_id = trade_id
        self.last_price = 0
        """Of the last trade; 0 before the first."""
        self.moment = moment

    def queue(self, side: int) -> Queue:
        return self.bids if side == Side.BUY else self.asks

    def opposite(self, side: int) -> Queue:
        return self.asks if side == Side.BUY else self.bids

    def admit(self, order: NaiveOrder) -> None:
        """An order is accepted: it is open, and in no queue."""
        if order.order_id in self.orders:
            raise Difference(f"order {text(order.order_id)} has a second outcome")
        self.orders[order.order_id] = order
        self.owned.setdefault(order.account, {})[order.name] = order
        self.deadlines.watch(order)

    def stand(self, order: NaiveOrder) -> None:
        """Take a place at the back of its level, by the event that comes next."""
        order.displayed = order.shown
        order.place = self.moment.seq + 1
        self.queue(order.side).append(order)

    def leave(self, order: NaiveOrder) -> None:
        """Out of its queue, or of the armed stops, if it is in one."""
        if order.status == ACTIVE:
            del self.stops[order.order_id]
            order.status = OPEN
        elif order.order_id in self.queue(order.side).levels.get(order.price, ()):
            self.queue(order.side).remove(order)
        order.displayed = 0

    def arm(self, order: NaiveOrder) -> None:
        """Take a place at the end of the arming order, by the event that comes next."""
        self.stops.pop(order.order_id, None)
        self.stops[order.order_id] = order
        order.status = ACTIVE
        order.place = self.moment.seq + 1

    def end(self, order: NaiveOrder, reason: DoneReason, *, own: bool = False) -> Fact:
        """Nobody but its owner hears of the end of a stop that waited."""
        public = order.status != ACTIVE
        self.leave(order)
        order.status, order.done_reason = DONE, reason
        owner = self.owned[order.account]
        del owner[order.name]
        if not owner:
            del self.owned[order.account]
        return self.fact(OrderDone, public, order.order_id, order.side, order.price, order.remaining, reason, own=own)

    def fact(self, kind: type, public: bool, *values: object, own: bool = False) -> Fact:
        return Fact(kind, self.number, public, values, own)

    def find(self, account: str, order_id: bytes, client_oid: str) -> NaiveOrder | None:
        """An open order by id, whoever owns it, or by its owner's name for it."""
        if order_id:
            order = self.orders.get(order_id)
            return order if order is not None and order.status in {OPEN, ACTIVE} else None
        return self.owned.get(account, {}).get(client_oid) if client_oid else None

    def is_through(self, order: NaiveOrder) -> bool:
        """Whether the last trade lets a stop fire."""
        if not self.last_price:
            return False
        return self.last_price >= order.stop_price if order.side == Side.BUY else self.last_price <= order.stop_price

    def collar(self, side: int) -> int:
        """The worst price that a taker may have now; 0 if any."""
        middle = self.last_price or self.product.reference_price
        if not self.product.price_collar or not middle:
            return 0
        width = middle * self.product.price_collar // BASIS_POINTS
        return middle + width if side == Side.BUY else max(0, middle - width)

    def standing(self) -> Iterable[NaiveOrder]:
        """What is open."""
        return (order for owner in self.owned.values() for order in owner.values())

    def totals(self) -> tuple[int, int, int]:
        """Size bought, size sold, and size traded."""
        bought = sum(order.filled for order in self.orders.values() if order.side == Side.BUY)
        sold = sum(order.filled for order in self.orders.values() if order.side == Side.SELL)
        return bought, sold, sum(trade.size for trade in self.trades)

    def resting(self, side: Side) -> list[tuple[int, int, bytes]]:
        """Price, displayed size and order of everything in the book, in queue order."""
        return [(order.price, order.displayed, order.order_id) for order in self.queue(side).in_order()]
