"""Seeded traffic through the real engine: what `order-events` would hold, with every kind of command and order."""

from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from libs.book.partition import PartitionState
from libs.events import ids
from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import AnyEvent
from libs.events.values import NO_ID, FailureCause, OrderType, SelfTradePrevention, Side, TimeInForce, TradingStatus
from libs.matching.engine import Engine

START = 1_790_000_000_000_000_000
STEP = 5_000_000


class Head(NamedTuple):
    """The envelope of a command."""

    command_id: bytes
    account: str
    number: int
    order_id: bytes
    client_oid: str
    key: int
    sent: int
    attempt: int
    replay_of: None


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

    def fail(self, command: AnyCommand | None, cause: FailureCause) -> None:
        """What the owner of the partition says of a command that could not be decided; None of one that nobody can read."""
        self.offset += 1
        self.time += STEP
        self.events += self.engine.fail(command, self.offset, self.time, cause)

    def run_into_failures(self) -> None:
        """Bytes that are no command, a place that waits, and one that came back and died."""
        self.fail(None, FailureCause.UNREADABLE)
        waits, dies = (self._unsent(account) for account in ("waits", "dies"))
        self.fail(waits, FailureCause.FAULT)
        self.fail(dies, FailureCause.FAULT)
        self.fail(replace(dies, attempt=1), FailureCause.FAULT)

    def _unsent(self, account: str) -> PlaceOrder:
        order_id = self.mint(self.number)
        head = Head(order_id, account, self.number, order_id, account, 0, self.time, 0, None)
        return PlaceOrder(*head, Side.BUY, OrderType.LIMIT, 9_000, 7)

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
        self.send(DelistProduct(*self.head("ops")))
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
        elif draw < 0.97:
            self.random.choice((self.switch, self.switch, self.advance, self.limit))()
        elif draw < 0.975:
            side = self.random.choice((None, Side.BUY, Side.SELL))
            self.send(CancelAllOrders(*self.head(self.account()), side))
        elif draw < 0.987:
            status = self.random.choice(
                (TradingStatus.POST_ONLY, TradingStatus.LIMIT_ONLY, *[TradingStatus.ONLINE] * 2)
            )
            self.send(SetTradingStatus(*self.head("ops"), status))
        else:
            self.stale()

    def account(self) -> str:
        return f"account-{self.random.randrange(6)}"

    def place(self, sent: int | None = None) -> PlaceOrder:
        random = self.random
        order_id = self.mint(self.number)
        account, oid = self.account(), random.choice(("", f"oid-{random.randrange(150)}"))
        key = ids.key_digest(account, self.number, oid) if oid else 0
        head = Head(order_id, account, self.number, order_id, oid, key, self.time if sent is None else sent, 0, None)
        side = random.choice((Side.BUY, Side.SELL))
        stop_price = 10_000 + random.randrange(-12, 13) if random.random() < 0.1 else 0
        stp = random.choice(tuple(SelfTradePrevention))
        market = random.random() < (0.4 if stop_price else 0.1)
        command = self._market(head, side) if market else self._limit(head, side, is_stop=stop_price > 0)
        command = replace(command, stp=stp, stop_price=stop_price)
        self.send(command)
        self.placed.append(command)
        return command

    def _market(self, head: Head, side: Side) -> PlaceOrder:
        by_funds = self.random.random() < 0.5
        size, funds = self.random.randrange(1, 50), self.random.randrange(1, 400_000)
        return PlaceOrder(
            *head, side, OrderType.MARKET, 0, 0 if by_funds else size, funds if by_funds else 0, TimeInForce.GTC
        )

    def _limit(self, head: Head, side: Side, *, is_stop: bool) -> PlaceOrder:
        random = self.random
        lives = random.choice((TimeInForce.GTC,) * 5 + (TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK))
        rests = lives in {TimeInForce.GTC, TimeInForce.GTD}
        return PlaceOrder(
            *head, side, OrderType.LIMIT, 10_000 + random.randrange(-12, 13), random.randrange(1, 50),
            time_in_force=lives,
            post_only=rests and not is_stop and random.random() < 0.1,
            max_floor=random.randrange(1, 20) if rests and random.random() < 0.2 else 0,
            expire_time=self.soon() if lives is TimeInForce.GTD else 0,
        )  # fmt: skip

    def soon(self) -> int:
        """Some commands from now on."""
        return self.time + self.random.randrange(1, 400) * STEP

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
        named = {"client_oid": order.client_oid} if by_name else {"order_id": order.order_id}
        self.send(CancelOrder(*self.head(order.account)._replace(**named)))

    def amend(self) -> None:
        order, random = self.random.choice(self.placed[-60:]), self.random
        price = random.choice((None, 10_000 + random.randrange(-12, 13)))
        size = random.choice((None, random.randrange(1, 60)))
        stop_price = random.choice((None, 10_000 + random.randrange(-12, 13))) if order.stop_price else None
        max_floor = random.choice((None, 0, random.randrange(1, 20))) if order.max_floor else None
        expire_time = random.choice((None, self.soon())) if order.expire_time else None
        head = self.head(order.account)._replace(order_id=order.order_id)
        self.send(AmendOrder(*head, price, size, stop_price, max_floor, expire_time))

    def switch(self) -> None:
        """Set a switch that may fire before long, or take it away."""
        timeout = self.random.choice((0, 0, 50, 200)) * STEP
        self.send(ArmCancelAllAfter(*self.head(self.account()), timeout))

    def advance(self) -> None:
        """What the owner of the partition writes."""
        self.send(AdvanceTime(*self.head("")._replace(number=0)))

    def limit(self) -> None:
        """Other limits of the product."""
        collar, most = self.random.choice((0, 5, 200)), self.random.choice((0, 3, 100))
        self.send(UpdateProduct(*self.head("ops"), price_collar=collar, reference_price=10_000, max_open_orders=most))

    def head(self, account: str) -> Head:
        """The envelope of a command about the product."""
        return Head(self.mint(self.number), account, self.number, NO_ID, "", 0, self.time, 0, None)

    def stale(self) -> None:
        """A place that comes so late that nobody can tell it from a repeat."""
        if self.state.window.watermark:
            self.place(sent=1)
