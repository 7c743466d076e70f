"""Commands for a recorded history, drawn from a seed: every kind, sensible and not, so that every event occurs."""

import random
from collections.abc import Iterator
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
    ListProduct,
    PlaceOrder,
    SetClusterSize,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.ids import key_digest, mint
from libs.events.values import NO_ID, OrderType, SelfTradePrevention, Side, TimeInForce, TradingStatus

START: Final = 1_700_000_000_000_000_000
SECOND: Final = 1_000_000_000
ACCOUNTS: Final = ("ann", "bob", "cat", "dan")
PRODUCTS: Final = ("GOLD-USD", "OIL-USD")
FOREIGN: Final = ("SILVER-USD", "TIN-USD")
"""In a cluster of four partitions they belong to another one."""
MIDDLE: Final = 1_000
STEPS_MS: Final = (1, 1, 1, 1, 3, 10, 200, 9_000)
"""Between two commands; once in a while the window is left behind."""
LEAVES_WINDOW_MS: Final = 130_000

Head = tuple[bytes, str, int, bytes, str, int, int, int, None]


class Traffic:
    """An endless stream of commands with their append times in ns."""

    def __init__(self, seed: int, families: frozenset[str]) -> None:
        """`families` are some of stops, icebergs, deadlines, self-trade, growth: what limit and market orders have beside."""
        self._chance = random.Random(seed)
        self._families = families
        self._now = START
        self._count = 0
        self._sent: list[AnyCommand] = []
        self._orders: list[PlaceOrder] = []
        self._names = {256 * (at + 1): name for at, name in enumerate(PRODUCTS)}
        """Listed products, by the numbers that they get."""
        self._listed = len(PRODUCTS)
        self._soon: list[AnyCommand] = []
        """What follows within a few commands: trading goes on, a delisted product is listed anew."""

    def __iter__(self) -> Iterator[tuple[AnyCommand, int]]:
        for name in PRODUCTS:
            yield self._listing(name), self._tick()
        while True:
            yield self._next(), self._tick()

    def _tick(self) -> int:
        step = LEAVES_WINDOW_MS if self._chance.random() < 0.004 else self._chance.choice(STEPS_MS)
        self._now += step * 1_000_000
        return self._now

    def _next(self) -> AnyCommand:
        if self._soon and self._chance.random() < 0.25:
            command = self._soon.pop(0)
            return replace(command, sent=self._now)
        choice = self._chance.random()
        if choice < 0.03 and self._sent:
            return self._chance.choice(self._sent[-200:])  # comes again
        command = self._drawn(choice)
        self._sent.append(command)
        return command

    def _drawn(self, choice: float) -> AnyCommand:
        chance = self._chance
        number = chance.choice(list(self._names)) if chance.random() < 0.98 else 77
        if choice < 0.62 or not self._orders:
            return self._place(number)
        if choice < 0.75:
            return self._amend()
        if choice < 0.90:
            return self._cancel()
        if choice < 0.93:
            return CancelAllOrders(*self._head(number), chance.choice((None, *Side)))
        if choice < 0.96 and "deadlines" in self._families:
            if chance.random() < 0.5:
                return AdvanceTime(*self._head(0))
            return ArmCancelAllAfter(*self._head(number), chance.choice((0, -1, 2 * SECOND, 12 * SECOND)))
        if choice < 0.96 and "growth" in self._families:
            return self._growth()
        return self._operator(number, choice)

    def _growth(self) -> AnyCommand:
        chance = self._chance
        if chance.random() < 0.5:
            return SetClusterSize(*self._head(0), chance.choice((0, 1, 2, 4, 8)))
        return self._listing(chance.choice(FOREIGN))

    def _operator(self, number: int, choice: float) -> AnyCommand:
        chance = self._chance
        if choice < 0.975:
            self._soon.append(SetTradingStatus(*self._head(number), TradingStatus.ONLINE))
            return SetTradingStatus(*self._head(number), chance.choice(list(TradingStatus)))
        if choice < 0.99:
            self._soon.append(UpdateProduct(*self._head(number), 1))
            return UpdateProduct(*self._head(number), chance.choice((None, 1, 2, 0)), None, chance.choice((None, 0, 2)))
        if choice < 0.995 or number not in self._names:
            return self._listing(chance.choice(PRODUCTS))
        self._listed += 1
        name = self._names.pop(number)
        self._names[256 * self._listed] = name
        self._soon = [self._listing(name)]
        return DelistProduct(*self._head(number))

    def _place(self, number: int) -> PlaceOrder:
        chance, head = self._chance, self._head(number, named=True)
        identity = head[0]
        side = chance.choice(list(Side))
        stp = chance.choice(list(SelfTradePrevention)) if "self-trade" in self._families else SelfTradePrevention.DC
        stop = 0
        if "stops" in self._families and chance.random() < 0.15:
            stop = MIDDLE + chance.randrange(-25, 26)
        head = (identity, head[1], number, identity, head[4], head[5], head[6], 0, None)
        if chance.random() < 0.12:
            size = chance.choice((0, chance.randrange(1, 60)))
            funds = 0 if size else chance.randrange(1, 40_000)
            command = PlaceOrder(*head, side, OrderType.MARKET, 0, size, funds, TimeInForce.IOC, False, stp, stop)
        else:
            command = self._limit(head, side, stp, stop)
        self._orders.append(command)
        return command

    def _limit(self, head: Head, side: Side, stp: SelfTradePrevention, stop: int) -> PlaceOrder:
        chance = self._chance
        price = MIDDLE + chance.randrange(-20, 9) * (1 if side is Side.BUY else -1)
        size = chance.randrange(1, 80) if chance.random() < 0.96 else chance.choice((0, 81))
        force = chance.choice((*[TimeInForce.GTC] * 6, TimeInForce.IOC, TimeInForce.FOK))
        floor = expire = 0
        if "deadlines" in self._families and chance.random() < 0.2:
            force, expire = TimeInForce.GTD, self._now + chance.randrange(-1, 40) * SECOND
        if "icebergs" in self._families and chance.random() < 0.3:
            floor = chance.randrange(1, 12)
        post_only = chance.random() < 0.08
        return PlaceOrder(*head, side, OrderType.LIMIT, price, size, 0, force, post_only, stp, stop, floor, expire)

    def _amend(self) -> AmendOrder:
        order = self._chance.choice(self._orders[-15:])
        price = self._chance.choice((None, None, order.price, MIDDLE + self._chance.randrange(-12, 13)))
        size = self._chance.choice((None, max(order.size - 3, 0), order.size + 5, self._chance.randrange(0, 90)))
        return AmendOrder(*self._about(order), price, size)

    def _cancel(self) -> CancelOrder:
        return CancelOrder(*self._about(self._chance.choice(self._orders[-15:])))

    def _about(self, order: PlaceOrder) -> Head:
        """By id or by name, mostly by its owner."""
        identity, who, number, _, _, _, sent, _, _ = self._head(order.number)
        if self._chance.random() < 0.95:
            who = order.account
        by_name = bool(order.client_oid) and self._chance.random() < 0.5
        named = NO_ID if by_name else order.order_id
        return identity, who, number, named, order.client_oid if by_name else "", 0, sent, 0, None

    def _listing(self, name: str) -> ListProduct:
        base, _, quote = name.partition("-")
        return ListProduct(*self._head(0), name, base, quote, 2, 0, 1, 1, 1, 80)

    def _head(self, number: int, *, named: bool = False) -> Head:
        """Of a place with a name: a key too, and now and then one that was used before."""
        chance = self._chance
        self._count += 1
        who = chance.choice(ACCOUNTS)
        name = (
            f"n{chance.randrange(max(1, self._count - 40), self._count + 40)}"
            if named and chance.random() < 0.4
            else ""
        )
        key = key_digest(who, number, name) if name else 0
        sent = self._now - chance.choice((0, 1_000_000, 30_000_000))
        if chance.random() < 0.003:
            sent = chance.choice((self._now - 300 * SECOND, self._now + 60 * SECOND))
        return mint(self._now // 1_000_000, self._count, number), who, number, NO_ID, name, key, sent, 0, None
