"""Open orders. An `Order` is also its own row in a snapshot: what it holds is encoded as it stands."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.events.values import OrderType, SelfTradePrevention, Side, TimeInForce


class Order(msgspec.Struct, array_like=True, gc=False):
    """An open order, and one place in a queue: whoever loses the place goes on as a copy, and `remaining` 0 marks the
    entry left behind. Holds no reference to what holds it, so that no garbage collector needs to look at it.
    """

    order_id: bytes
    account: str
    label: str | int
    """Its client_oid, or of an order without one the digest of its idempotency key; 0 if it has neither."""
    side: Side
    price: int
    """0 of a market order."""
    size: int
    """The total: filled + remaining + taken off. 0 of a market order by funds."""
    remaining: int
    displayed: int
    """What of it is shown in the queue."""
    priority: int
    """The `seq` of the event that gave it its place: in the queue or, while armed, in the arming order."""
    time_in_force: TimeInForce
    post_only: bool
    stp: SelfTradePrevention
    max_floor: int
    stop_price: int
    expire_time: int
    funds: int
    taken_off: int
    """By self-trade prevention."""
    armed: bool
    """A stop that waits: it is in no queue."""

    @property
    def name(self) -> str | int | bytes:
        """By which its account finds it, and no second order of the account can be open."""
        return self.label or self.order_id

    @property
    def client_oid(self) -> str:
        return self.label if isinstance(self.label, str) else ""

    @property
    def type(self) -> OrderType:
        return OrderType.LIMIT if self.price else OrderType.MARKET

    @property
    def filled(self) -> int:
        return self.size - self.remaining - self.taken_off


class Account(dict[str | int | bytes, Order]):
    """The open orders of one account in one product, by `Order.name`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        """The one copy of it that its orders share: there are many of them."""


NOBODY: Final = Account("")
"""What an account without open orders has."""
