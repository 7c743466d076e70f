"""The book of one product: both ladders, the stops and deadlines, and the indexes by which orders are found."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from libs.book.deadlines import Deadlines
from libs.book.ladder import Ladder
from libs.book.orders import Account, Order
from libs.book.stops import Stops
from libs.events.values import MAX_INTEGER, Product, Side, TradingStatus


class ProductBook:
    __slots__ = (
        "accounts",
        "asks",
        "bids",
        "deadlines",
        "last_price",
        "least",
        "lot",
        "most",
        "number",
        "online",
        "orders",
        "plain",
        "product",
        "sequence",
        "stops",
        "tick",
        "trade_id",
    )

    def __init__(self, product: Product, sequence: int = 0, trade_id: int = 0) -> None:
        self.adopt(product)
        self.sequence = sequence
        """Of the last public fact."""
        self.trade_id = trade_id
        """Of the last trade."""
        self.last_price = 0
        """Of the last trade; 0 before the first."""
        self.bids = Ladder(Side.BUY)
        self.asks = Ladder(Side.SELL)
        self.orders: dict[bytes, Order] = {}
        self.accounts: dict[str, Account] = {}
        """Those that have open orders, by name."""
        self.stops = Stops()
        self.deadlines = Deadlines(self.orders)

    def adopt(self, product: Product) -> None:
        """Take the product's rules over, in the form in which every order is held against them."""
        self.product = product
        self.number = product.number
        self.online = product.status is TradingStatus.ONLINE
        self.tick = product.quote_increment
        self.lot = product.base_increment
        self.least = product.min_size or 1
        self.most = product.max_size or MAX_INTEGER
        limited = product.min_notional or product.price_collar or product.max_open_orders
        self.plain = self.online and not limited
        """Open for every order, and with no limit but those above."""

    def ladder(self, side: int) -> Ladder:
        return self.bids if side == 1 else self.asks

    def opposite(self, side: int) -> Ladder:
        return self.asks if side == 1 else self.bids

    def keep(self, order: Order) -> None:
        """Make an open order known. It is in no queue yet."""
        owner = self.accounts.get(order.account)
        if owner is None:
            owner = self.accounts[order.account] = Account(order.account)
        order.account = owner.name
        self.orders[order.order_id] = owner[order.label or order.order_id] = order
        if order.expire_time:
            self.deadlines.watch(order)

    def rest(self, order: Order, priority: int) -> None:
        """Put an order at the back of its level; `priority` is the `seq` of the event that says so."""
        order.priority = priority
        (self.bids if order.side == 1 else self.asks).append(order)

    def move(self, order: Order) -> Order:
        """An order loses its place: it goes on as a copy that is in no queue."""
        again = replace(order, displayed=0)
        (self.bids if order.side == 1 else self.asks).remove(order)
        self.orders[order.order_id] = again
        self.accounts[order.account][order.name] = again
        return again

    def close(self, order: Order) -> None:
        """An order is done: it leaves its queue, if it is in one, and the indexes."""
        if order.displayed:
            (self.bids if order.side == 1 else self.asks).remove(order)
        self.forget(order)

    def forget(self, order: Order) -> None:
        """An order that is in no queue any more leaves the indexes and the armed stops."""
        if order.armed:
            self.stops.disarm(order)
        order_id, account = order.order_id, order.account
        del self.orders[order_id]
        owner = self.accounts[account]
        del owner[order.label or order_id]
        if not owner:
            del self.accounts[account]

    def find(self, account: str, order_id: bytes, client_oid: str) -> Order | None:
        """An open order by id, or by its owner's name for it where `order_id` is empty. Says nothing of who may touch it."""
        if order_id:
            return self.orders.get(order_id)
        owner = self.accounts.get(account)
        return owner.get(client_oid) if owner is not None and client_oid else None


def in_cancel_order(orders: Iterable[Order]) -> list[Order]:
    """Resting buys from the best, resting sells from the best, each level in queue order, then stops in arming order."""
    return sorted(orders, key=_place)


def _place(order: Order) -> tuple[bool, int, int, int]:
    if order.armed:
        return True, 0, 0, order.priority
    return False, order.side, -order.price if order.side == 1 else order.price, order.priority
