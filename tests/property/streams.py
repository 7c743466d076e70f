"""Streams of all commands over a few products and accounts: mostly sensible ones at tight prices, so that self-trades,
meetings, slices and cascades are frequent; among them repeats, strangers' hands, and values that make no sense.

A stream listens to what its commands caused, as clients do: it knows which products are listed and which orders open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    Envelope,
    ListProduct,
    PlaceOrder,
    SetClusterSize,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import (
    AnyEvent,
    ClusterSizeChanged,
    OrderAccepted,
    OrderDone,
    ProductDelisted,
    ProductListed,
    StopArmed,
    StopTriggered,
    TradingStatusChanged,
)
from libs.events.ids import key_digest, mint
from libs.events.values import (
    MAX_INTEGER,
    NO_ID,
    DeadLetterName,
    FailureCause,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradingStatus,
)
from tests.property.choosing import Chooser, one_in

START: Final = 1_700_000_000_000_000_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000 * MILLISECOND
BEAT: Final = 100 * MILLISECOND
"""Deadlines fall on beats, so that several fall on one."""
ACCOUNTS: Final = ("ann", "bob", "cat")
PRODUCT_IDS: Final = ("BTC-USD", "ETH-USD", "SOL-USD")
FOREIGN_IDS: Final = ("ADA-USD", "DOGE-USD", "XRP-USD")
"""Never listed before the cluster has grown: most belong to other partitions."""
REMEMBERED: Final = 400
SHORT: Final = 8
LONG: Final = 80
"""Commands to a product until its status is online again, about: long where it goes on trading."""
NONSENSE: Final = (0, -1, 1, 7, MAX_INTEGER, MAX_INTEGER + 1, 2**63 - 1, -(2**63), 2**64 - 1)

Head = tuple[bytes, str, int, bytes, str, int, int, int, DeadLetterName | None]


@dataclass(frozen=True)
class Step:
    """A command, where it stands in `orders`, and when it was appended."""

    command: AnyCommand
    offset: int
    time: int
    cause: FailureCause | None = None
    """Of a command that fails."""
    read: Envelope | None = None
    """What can be read of it, where it is not the whole."""


@dataclass
class Open:
    """An order that a stream has heard of."""

    order_id: bytes
    account: str
    client_oid: str
    number: int
    is_armed: bool = False


@dataclass
class Stream:
    choose: Chooser
    products: int = 3
    calm: int = 1
    """How rarely orders are swept away in numbers: 1 keeps books small."""
    hurried: bool = False
    """Tens of thousands of commands a second, instead of some dozens."""
    offset: int = -1
    now: int = START
    minted: int = 0
    statuses: dict[int, TradingStatus] = field(default_factory=dict)
    """Of the listed products, by number."""
    ids: dict[int, str] = field(default_factory=dict)
    """Of the listed products, by number."""
    dead_numbers: list[int] = field(default_factory=list)
    grown: bool = False
    """New products are spread over a known number of partitions."""
    orders: dict[bytes, Open] = field(default_factory=dict)
    gone: list[Open] = field(default_factory=list)
    past: list[AnyCommand] = field(default_factory=list)

    def next(self) -> Step:
        self.offset += 1
        time = self._pass_time()
        command = self._command()
        if len(self.past) < REMEMBERED:
            self.past.append(command)
        else:
            self.past[self.offset % REMEMBERED if self.offset % 7 else 0] = command
        return Step(command, self.offset, time)

    def passive(self) -> Step:
        """An order that most likely rests: to fill a book."""
        self.offset += 1
        number = self.choose.pick(tuple(self.statuses))
        place = self._place(number)
        away = self.choose.pick((10, 10, 11, 12, self.choose.integer(10, 60)))
        price = 100 - away if place.side is Side.BUY else 100 + away
        resting = replace(place, type=OrderType.LIMIT, price=price, size=self._size(), funds=0, stop_price=0)
        plain = replace(resting, time_in_force=TimeInForce.GTC, post_only=False, max_floor=0, expire_time=0)
        return Step(plain, self.offset, self.now)

    def learn(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            match event:
                case ProductListed():
                    self.statuses[event.number] = event.product.status
                    self.ids[event.number] = event.product.product_id
                case TradingStatusChanged():
                    self.statuses[event.number] = event.product.status
                case ProductDelisted():
                    del self.statuses[event.number], self.ids[event.number]
                    self.dead_numbers.append(event.number)
                case ClusterSizeChanged():
                    self.grown = True
                case OrderAccepted():
                    order = Open(event.order_id, event.account, event.client_oid, event.number)
                    self.orders[event.order_id] = order
                case StopArmed():
                    self.orders[event.order_id].is_armed = True
                case StopTriggered():
                    self.orders[event.order_id].is_armed = False
                case OrderDone():
                    self.gone = [*self.gone[-40:], self.orders.pop(event.order_id)]

    def _pass_time(self) -> int:
        """The append time of the next command: a little later, rarely much, rarely earlier."""
        if self.hurried:
            self.now += self.choose.integer(0, 60_000)
            return self.now
        kind = self.choose.integer(0, 399)
        if kind < 300:
            self.now += self.choose.integer(0, 5) * MILLISECOND
        elif kind < 340:
            self.now += BEAT - self.now % BEAT
        elif kind < 394:
            self.now += self.choose.integer(0, 300) * MILLISECOND
        elif kind < 398:
            self.now += self.choose.integer(1, 9) * SECOND
        elif kind == 398:
            return self.now - self.choose.integer(1, 20) * SECOND
        elif one_in(self.choose, 6):
            self.now += self.choose.integer(118, 124) * SECOND
        return self.now

    def _command(self) -> AnyCommand:
        if not self.offset or (len(self.statuses) < self.products and one_in(self.choose, 4)):
            return self._listing()
        number = self._number()
        status = self.statuses.get(number, TradingStatus.ONLINE)
        if status is not TradingStatus.ONLINE and one_in(
            self.choose, LONG if status is TradingStatus.LIMIT_ONLY else SHORT
        ):
            return SetTradingStatus(*self._head(number), TradingStatus.ONLINE)
        kind = self.choose.integer(0, 399)
        if kind < 230:
            return self._distorted(self._place(number))
        if kind < 295:
            return self._distorted(self._amend())
        if kind < 335:
            return self._cancel()
        if kind < 350:
            return self._repeat()
        if kind < 360:
            return self._timed(number)
        return self._governing(number, kind - 360)

    def _governing(self, number: int, kind: int) -> AnyCommand:
        """What moves many orders, or the rules."""
        if kind < 10:
            return self._distorted(self._update(number))
        if kind < 13:
            return SetTradingStatus(
                *self._head(number),
                self.choose.pick((TradingStatus.LIMIT_ONLY, TradingStatus.LIMIT_ONLY, *TradingStatus)),
            )
        if kind < 16 and one_in(self.choose, self.calm):
            side = self.choose.pick((None, *Side, *Side))
            return CancelAllOrders(*self._head(number), side)
        if kind == 16 and one_in(self.choose, 2 * self.calm):
            return DelistProduct(*self._head(number))
        if kind == 17:
            return self._distorted(self._listing())
        if kind == 18 and len(self.statuses) == self.products and one_in(self.choose, 3):
            return SetClusterSize(*self._head(0, "op"), self.choose.pick((0, 2, 4, 8, 256, 257)))
        return self._distorted(self._place(number))

    def _number(self) -> int:
        if self.statuses and not one_in(self.choose, 60):
            return self.choose.pick(tuple(self.statuses))
        return self.choose.pick((0, 7, 2**24 + 5, *self.dead_numbers[-3:]))

    def _id(self, number: int) -> bytes:
        self.minted += 1
        return mint(self.now // MILLISECOND, self.minted, number)

    def _sent(self) -> int:
        if not one_in(self.choose, 250):
            return self.now - self.choose.integer(0, 40) * MILLISECOND
        return self.choose.pick((self.now + 6 * SECOND, self.now + 5 * SECOND, self.now - 119 * SECOND, 0, 2**64 - 1))

    def _head(self, number: int, account: str = "", order_id: bytes = NO_ID, client_oid: str = "") -> Head:
        """The envelope of a command that places no order."""
        account = account or self.choose.pick(ACCOUNTS)
        key = self.choose.integer(1, 40) if one_in(self.choose, 40) else 0
        return self._id(number), account, number, order_id, client_oid, key, self._sent(), 0, None

    def _place(self, number: int) -> PlaceOrder:
        account = self.choose.pick(ACCOUNTS)
        client_oid = f"o{self.choose.integer(0, 60)}" if one_in(self.choose, 6) else ""
        key = key_digest(account, number, client_oid) if client_oid and not one_in(self.choose, 20) else 0
        dead_letter = DeadLetterName(0, self.offset) if one_in(self.choose, 60) else None
        order_id = self._id(number)
        head = (order_id, account, number, order_id, client_oid, key, self._sent(), 0, dead_letter)
        side = self.choose.pick(tuple(Side))
        stp = self.choose.pick(tuple(SelfTradePrevention))
        stop_price = self._price() if one_in(self.choose, 4) else 0
        if one_in(self.choose, 3 if stop_price else 8):
            force = self.choose.pick((TimeInForce.GTC, TimeInForce.IOC))
            size, funds = (0, self.choose.integer(50, 900)) if one_in(self.choose, 2) else (self._size(), 0)
            return PlaceOrder(*head, side, OrderType.MARKET, 0, size, funds, force, False, stp, stop_price)
        force = self.choose.pick((TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTD, *TimeInForce))
        may_rest = force in {TimeInForce.GTC, TimeInForce.GTD}
        post_only = may_rest and not stop_price and one_in(self.choose, 6)
        size = self._size() * (5 if one_in(self.choose, 8) else 1)
        floor = max(1, self._size() // 2) if may_rest and one_in(self.choose, 3) else 0
        expire_time = self._deadline() if force is TimeInForce.GTD else 0
        limit = (self._price(side), size, 0, force, post_only, stp, stop_price, floor, expire_time)
        return PlaceOrder(*head, side, OrderType.LIMIT, *limit)

    def _amend(self) -> AmendOrder:
        order = self._order()
        price, size, stop_price, floor, expire_time = (
            self._price() if one_in(self.choose, 3) else None,
            self._size() * (3 if one_in(self.choose, 6) else 1) if one_in(self.choose, 2) else None,
            self._price() if one_in(self.choose, 2 if order.is_armed else 15) else None,
            self.choose.integer(0, 6) if one_in(self.choose, 5) else None,
            self._deadline() if one_in(self.choose, 8) else None,
        )
        return AmendOrder(*self._to(order), price, size, stop_price, floor, expire_time)

    def _cancel(self) -> CancelOrder:
        return CancelOrder(*self._to(self._order()))

    def _order(self) -> Open:
        """Mostly an open one, else one that is done, or that nobody ever heard of."""
        if self.orders and not one_in(self.choose, 6):
            return self.choose.pick(tuple(self.orders.values())[-60:])
        if self.gone and not one_in(self.choose, 4):
            return self.choose.pick(self.gone)
        number = self._number()
        return Open(self._id(number), self.choose.pick(ACCOUNTS), f"o{self.choose.integer(0, 60)}", number)

    def _to(self, order: Open) -> Head:
        """The envelope of a command to an order: rarely from a stranger, or to the wrong product; some by name."""
        account = self.choose.pick(ACCOUNTS) if one_in(self.choose, 15) else order.account
        number = self._number() if one_in(self.choose, 50) else order.number
        by_name = one_in(self.choose, 2 if order.client_oid else 12)
        return self._head(number, account, NO_ID if by_name else order.order_id, order.client_oid if by_name else "")

    def _repeat(self) -> AnyCommand:
        """A command of before: as it was, or as another under the same key or name."""
        if not self.past:
            return self._listing()
        command = self.choose.pick(self.past)
        if one_in(self.choose, 2):
            return command
        command_id = self._id(command.number)
        order_id = command_id if isinstance(command, PlaceOrder) else command.order_id
        return replace(command, command_id=command_id, order_id=order_id, sent=self._sent())

    def _timed(self, number: int) -> AnyCommand:
        if one_in(self.choose, 3):
            return AdvanceTime(*self._head(0, "system"))
        timeout = self.choose.pick((self._deadline() - self.now, 0, 0, 60 * SECOND, 60 * SECOND))
        return self._distorted(ArmCancelAllAfter(*self._head(number), timeout))

    def _update(self, number: int) -> UpdateProduct:
        return UpdateProduct(
            *self._head(number, "op"),
            2 if one_in(self.choose, 20) else self.choose.pick((1, 1, None)),
            2 if one_in(self.choose, 20) else self.choose.pick((1, 1, None)),
            self.choose.pick((None, 0, 0, 0, 3)),
            self.choose.pick((None, 0, 0, 0, 20)),
            self.choose.pick((None, 0, 0, 0, 400)),
            self.choose.pick((None, 0, 0, 200, 600)),
            self.choose.pick((None, 0, 100)),
            self.choose.pick((None, 0, 0, 4, 20)),
        )

    def _listing(self) -> ListProduct:
        missing = [product_id for product_id in PRODUCT_IDS[: self.products] if product_id not in self.ids.values()]
        product_id = self.choose.pick(PRODUCT_IDS if not missing or one_in(self.choose, 10) else missing)
        if self.grown and one_in(self.choose, 8):
            product_id = self.choose.pick(FOREIGN_IDS)
        collar = self.choose.pick((0, 0, 500))
        rules = (1, 1, 0, 0, 0, collar, self.choose.pick((0, 100)), 0)
        return ListProduct(
            *self._head(0, "op"), product_id, product_id[:3], "USD", 2, self.choose.integer(0, 8), *rules
        )

    def _price(self, side: Side | None = None) -> int:
        """Around 100; of a side, mostly away from the other."""
        if side is None or one_in(self.choose, 3):
            return self.choose.integer(97, 103)
        away = self.choose.integer(0, 9)
        return 100 - away if side is Side.BUY else 101 + away

    def _size(self) -> int:
        return self.choose.integer(1, 12)

    def _deadline(self) -> int:
        return self.now - self.now % BEAT + self.choose.integer(0, 40) * BEAT

    def _distorted(self, command: AnyCommand) -> AnyCommand:
        """Sometimes one or two fields of it make no sense."""
        while one_in(self.choose, 12):
            command = self._with_nonsense(command)
        return command

    def _with_nonsense(self, command: AnyCommand) -> AnyCommand:
        own = command.__struct_fields__[9:]
        name = self.choose.pick((*own, *own, "order_id"))
        value: object = self.choose.pick(NONSENSE)
        match name:
            case "order_id":
                value = self.choose.pick((NO_ID, b"short", self._id(command.number)))
            case "product_id" | "base_currency" | "quote_currency":
                value = self.choose.pick(("", "x" * 65))
            case "side":
                value = self.choose.pick(tuple(Side))
            case "type":
                value = self.choose.pick(tuple(OrderType))
            case "time_in_force":
                value = self.choose.pick(tuple(TimeInForce))
            case "post_only":
                value = True
            case "stp":
                value = self.choose.pick(tuple(SelfTradePrevention))
        return replace(command, **{name: value})
