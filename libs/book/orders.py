"""Open orders and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from libs.events.values import Side

if TYPE_CHECKING:
    from libs.book.ladder import Level


class Account:
    """The open orders of one account in one product, by client_oid, or by order_id where there is none."""

    __slots__ = ("name", "orders")

    def __init__(self, name: str) -> None:
        self.name = name
        self.orders: dict[str | bytes, Order] = {}


class Order:
    """An open order. `level` is None while it is not in the queue; size = filled + remaining."""

    __slots__ = (
        "account",
        "client_oid",
        "displayed",
        "filled",
        "level",
        "next",
        "order_id",
        "post_only",
        "previous",
        "price",
        "priority",
        "remaining",
        "side",
        "size",
    )

    def __init__(
        self,
        order_id: bytes,
        account: Account,
        client_oid: str,
        side: Side,
        price: int,
        size: int,
        post_only: bool,
    ) -> None:
        self.order_id = order_id
        self.account = account
        self.client_oid = client_oid
        self.side = side
        self.price = price
        self.size = size
        self.filled = 0
        self.remaining = size
        self.displayed = size
        self.post_only = post_only
        self.priority = 0
        """The `seq` of the event that put it where it stands in the queue."""
        self.level: Level | None = None
        self.previous: Order | None = None
        self.next: Order | None = None
