"""Seeded traffic through the real engine: what `order-events` would hold, with amends, cancels, repeats and rejections."""

from random import Random

from libs.book.partition import PartitionState
from libs.events import ids
from libs.events.commands import (
    AmendOrder,
    AnyCommand,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
)
from libs.events.events import AnyEvent
from libs.events.values import NO_ID, OrderType, Side, TimeInForce, TradingStatus
from libs.matching.engine import Engine

START = 1_790_000_000_000_000_000
STEP = 5_000_000


class Traffic:
    """One partition. Commands come 5 ms apart; `events` is everything that was decided."""

    def __init__(self, partition: int = 0, seed: int = 1, product_id: str = "BTC-USD") -> None:
        self.engine = Engine(partition)
        self.partition = partition
        self.random = Random(seed + partition * 1_000)
        self.time = START
        self.offset = -1
        self.events: list[AnyEvent] = list(self.engine.adopt_rules())
        self.placed: list[PlaceOrder] = []
        self.product_id = product_id
        self.number = 0
        self.list_product()

    @property
    def state(self) -> PartitionState:
        return self.engine.state

    def send(self, command: AnyCommand) -> list[AnyEvent]:
        self.offset += 1 + self.random.randrange(2)
        self.time += STEP
        events = self.engine.handle(command, self.offset, self.time)
        self.events += events
        return events

    def list_product(self) -> None:
        self.send(
            ListProduct(
                self.mint(0), "ops", 0, NO_ID, "", 0, self.time, 0, None, self.product_id, "BTC", "USD", 2, 8, 1, 1
            )
        )
        self.number = self.state.listed[self.product_id]

    def relist(self) -> list[AnyEvent]:
        """Delist and list anew: another number, the same counters."""
        first = len(self.events)
        self.send(DelistProduct(self.mint(self.number), "ops", self.number, NO_ID, "", 0, self.time, 0, None))
        self.list_product()
        return self.events[first:]

    def mint(self, number: int) -> bytes:
        return ids.mint(self.time // 1_000_000, self.random.getrandbits(50), number)

    def run(self, commands: int) -> list[AnyEvent]:
        """Some orders more; gives their events."""
        first = len(self.events)
        for _ in range(commands):
            self.step()
        return self.events[first:]

    def step(self) -> None:
        draw = self.random.random()
        if draw < 0.62 or not self.placed:
            self.place()
        elif draw < 0.75:
            self.cancel()
        elif draw < 0.92:
            self.amend()
        elif draw < 0.95:
            self.send(self.random.choice(self.placed))  # a repeat
        elif draw < 0.955:
            side = self.random.choice((None, Side.BUY, Side.SELL))
            self.send(
                CancelAllOrders(
                    self.mint(self.number), self.account(), self.number, NO_ID, "", 0, self.time, 0, None, side
                )
            )
        elif draw < 0.975:
            status = self.random.choice((TradingStatus.POST_ONLY, TradingStatus.ONLINE, TradingStatus.ONLINE))
            self.send(
                SetTradingStatus(self.mint(self.number), "ops", self.number, NO_ID, "", 0, self.time, 0, None, status)
            )
        else:
            self.stale()

    def account(self) -> str:
        return f"account-{self.random.randrange(6)}"

    def place(self, sent: int | None = None) -> PlaceOrder:
        random = self.random
        order_id = self.mint(self.number)
        account, oid = self.account(), random.choice(("", f"oid-{random.randrange(150)}"))
        key = ids.key_digest(account, self.number, oid) if oid else 0
        market = random.random() < 0.1
        by_funds = market and random.random() < 0.5
        command = PlaceOrder(
            order_id, account, self.number, order_id, oid, key, self.time if sent is None else sent, 0, None,
            random.choice((Side.BUY, Side.SELL)),
            OrderType.MARKET if market else OrderType.LIMIT,
            0 if market else 10_000 + random.randrange(-12, 13),
            0 if by_funds else random.randrange(1, 50),
            random.randrange(1, 400_000) if by_funds else 0,
            TimeInForce.GTC if market else random.choice((TimeInForce.GTC,) * 6 + (TimeInForce.IOC, TimeInForce.FOK)),
            not market and random.random() < 0.1,
        )  # fmt: skip
        if command.post_only and command.time_in_force is not TimeInForce.GTC:
            return self.place(sent)
        self.send(command)
        self.placed.append(command)
        return command

    def rest(self, account: str, count: int) -> None:
        """Bids so low that nothing meets them."""
        for price in range(9_000, 9_000 + count):
            order_id = self.mint(self.number)
            self.send(
                PlaceOrder(
                    order_id, account, self.number, order_id, "", 0, self.time, 0, None, Side.BUY, OrderType.LIMIT, price, 7,
                    post_only=True,
                )
            )  # fmt: skip

    def cancel(self) -> None:
        order = self.random.choice(self.placed[-60:])
        by_name = order.client_oid and self.random.random() < 0.3
        self.send(
            CancelOrder(
                self.mint(self.number), order.account, self.number, NO_ID if by_name else order.order_id,
                order.client_oid if by_name else "", 0, self.time, 0, None,
            )
        )  # fmt: skip

    def amend(self) -> None:
        order = self.random.choice(self.placed[-60:])
        price = self.random.choice((None, 10_000 + self.random.randrange(-12, 13)))
        size = self.random.choice((None, self.random.randrange(1, 60)))
        self.send(
            AmendOrder(
                self.mint(self.number), order.account, self.number, order.order_id, "", 0, self.time, 0, None, price, size
            )
        )  # fmt: skip

    def stale(self) -> None:
        """A place that comes so late that nobody can tell it from a repeat."""
        if self.state.window.watermark:
            self.place(sent=1)
