"""What the oracle knows of one product and its orders: plain lists in the order in which things happened.

`resting` is in the order of arrival, and a slice or an order that goes to the back goes to its end: time priority at
every price follows from that alone. `stops` is in arming order. Nothing is indexed; whoever asks looks at everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from libs.events.values import (
    DeadLetterName,
    OrderType,
    Product,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradingStatus,
)

BASIS_POINTS = 10_000


@dataclass(eq=False)
class Order:
    order_id: bytes
    account: str
    client_oid: str
    key: int
    side: Side
    type: OrderType
    price: int
    size: int
    funds: int
    """What is left of them."""
    time_in_force: TimeInForce
    post_only: bool
    replay_of: DeadLetterName | None
    stp: SelfTradePrevention
    stop_price: int
    max_floor: int
    expire_time: int
    by_funds: bool
    filled: int = 0
    taken_off: int = 0
    """By self-trade prevention."""
    displayed: int = 0
    """What is left of the slice that is shown; 0 unless it rests."""

    @property
    def remaining(self) -> int:
        return 0 if self.by_funds else self.size - self.filled - self.taken_off

    @property
    def slice(self) -> int:
        """What it shows when it comes to the back of its level."""
        return min(self.max_floor, self.remaining) if self.max_floor else self.remaining

    @property
    def is_limit(self) -> bool:
        return self.type is OrderType.LIMIT

    @property
    def may_rest(self) -> bool:
        return self.is_limit and self.time_in_force in {TimeInForce.GTC, TimeInForce.GTD}

    @property
    def opposite(self) -> Side:
        return Side.SELL if self.side is Side.BUY else Side.BUY

    def is_through(self, last_price: int) -> bool:
        """True if a stop fires at this last trade; 0 is none yet."""
        if not last_price:
            return False
        return last_price >= self.stop_price if self.side is Side.BUY else last_price <= self.stop_price

    def crosses(self, price: int) -> bool:
        """True if its limit lets it trade at an opposite order's price."""
        return price <= self.price if self.side is Side.BUY else price >= self.price


@dataclass(eq=False)
class Market:
    product: Product
    sequence: int = 0
    trade_id: int = 0
    """Of the last trade."""
    last_price: int = 0
    """0 before the first trade."""
    resting: list[Order] = field(default_factory=list)
    stops: list[Order] = field(default_factory=list)
    switches: dict[str, int] = field(default_factory=dict)
    """Deadlines of cancel-all-after, by account."""

    @property
    def number(self) -> int:
        return self.product.number

    def open_orders(self) -> Iterator[Order]:
        yield from self.resting
        yield from self.stops

    def queue(self, side: Side) -> list[Order]:
        """The resting orders of a side, in the order in which a taker meets them."""
        mine = [order for order in self.resting if order.side is side]
        return sorted(mine, key=lambda order: -order.price if side is Side.BUY else order.price)

    def best(self, side: Side) -> Order | None:
        """The order that the next taker meets."""
        mine = (order for order in self.resting if order.side is side)
        return min(mine, key=lambda order: -order.price if side is Side.BUY else order.price, default=None)

    def in_cancel_order(self) -> list[Order]:
        """Buys from the best, sells from the best, stops in arming order."""
        return [*self.queue(Side.BUY), *self.queue(Side.SELL), *self.stops]

    def find(self, order_id: bytes) -> Order | None:
        return next((order for order in self.open_orders() if order.order_id == order_id), None)

    def find_client_oid(self, account: str, client_oid: str) -> Order | None:
        if not client_oid:
            return None
        mine = (order for order in self.open_orders() if order.account == account)
        return next((order for order in mine if order.client_oid == client_oid), None)

    def find_key(self, account: str, key: int) -> Order | None:
        """An order without a client_oid stands under the key it came with."""
        if not key:
            return None
        mine = (order for order in self.open_orders() if order.account == account and not order.client_oid)
        return next((order for order in mine if order.key == key), None)

    def remove(self, order: Order) -> None:
        (self.stops if order in self.stops else self.resting).remove(order)

    def would_take(self, side: Side, price: int) -> bool:
        """True if a limit order would meet any opposite one."""
        if side is Side.BUY:
            return any(order.side is Side.SELL and order.price <= price for order in self.resting)
        return any(order.side is Side.BUY and order.price >= price for order in self.resting)

    def collar(self) -> tuple[int, int] | None:
        """The lowest and the highest price it allows at this moment."""
        around = self.last_price or self.product.reference_price
        if not self.product.price_collar or not around:
            return None
        width = around * self.product.price_collar // BASIS_POINTS
        return around - width, around + width

    def takes(self, kind: OrderType, post_only: bool) -> bool:
        """What the trading status says to such an order."""
        match self.product.status:
            case TradingStatus.ONLINE:
                return True
            case TradingStatus.POST_ONLY:
                return post_only
            case TradingStatus.LIMIT_ONLY:
                return kind is OrderType.LIMIT
        return False


def is_outside(collar: tuple[int, int] | None, side: Side, price: int) -> bool:
    """True if a taker of this side may not trade at the price: a buy would pay more, a sell take less."""
    if collar is None:
        return False
    lowest, highest = collar
    return price > highest if side is Side.BUY else price < lowest
