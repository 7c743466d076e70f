"""The book of one product: both ladders and the indexes by which orders are found."""

from __future__ import annotations

from collections.abc import Iterator

from libs.book.ladder import Ladder
from libs.book.orders import Account, Order
from libs.events.values import Product, Side


class ProductBook:
    __slots__ = ("accounts", "asks", "bids", "last_price", "orders", "product", "sequence", "trade_id")

    def __init__(self, product: Product, sequence: int = 0, trade_id: int = 0) -> None:
        self.product = product
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

    def ladder(self, side: int) -> Ladder:
        return self.bids if side == 1 else self.asks

    def opposite(self, side: int) -> Ladder:
        return self.asks if side == 1 else self.bids

    def admit(
        self,
        order_id: bytes,
        account: str,
        client_oid: str,
        side: Side,
        price: int,
        size: int,
        post_only: bool,
    ) -> Order:
        """Make an order known. It is open from here on, and in no queue yet."""
        owner = self.accounts.get(account)
        if owner is None:
            owner = self.accounts[account] = Account(account)
        order = Order(order_id, owner, client_oid, side, price, size, post_only)
        self.orders[order_id] = owner.orders[client_oid or order_id] = order
        return order

    def rest(self, order: Order, priority: int) -> None:
        """Put an order at the back of its level; `priority` is the `seq` of the event that says so."""
        order.priority = priority
        (self.bids if order.side == 1 else self.asks).append(order)

    def unrest(self, order: Order) -> None:
        """Take an order out of the queue. It stays open."""
        (self.bids if order.side == 1 else self.asks).remove(order)

    def close(self, order: Order) -> None:
        """Forget an order that is done, and its account when it was the last one there."""
        if order.level is not None:
            (self.bids if order.side == 1 else self.asks).remove(order)
        del self.orders[order.order_id]
        owner = order.account
        del owner.orders[order.client_oid or order.order_id]
        if not owner.orders:
            del self.accounts[owner.name]

    def find(self, account: str, order_id: bytes, client_oid: str) -> Order | None:
        """An open order by id, or by its owner's name for it where `order_id` is empty. Says nothing of who may touch it."""
        if order_id:
            return self.orders.get(order_id)
        owner = self.accounts.get(account)
        return owner.orders.get(client_oid) if owner is not None else None

    def in_cancel_order(self, orders: Iterator[Order]) -> list[Order]:
        """Buys from the best, then sells from the best, each level in time order."""
        return sorted(
            orders,
            key=lambda order: (order.side, -order.price if order.side == 1 else order.price, order.priority),
        )
