"""A day of a stock as LOBSTER would tell it, written from a run of the engine: so what really happened is known."""

import random
from typing import Final, NamedTuple

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, ListProduct, PlaceOrder
from libs.events.events import AnyEvent, OrderRested, TradeExecuted
from libs.events.ids import mint
from libs.events.values import NO_ID, OrderType, Side
from libs.matching.engine import Engine

DAY_MS: Final = 1_340_236_800_000
"""2012-06-21."""
OPEN_MS: Final = 34_200_000
NAME: Final = "AAPL_2012-06-21_34200000_57600000_message_10.csv"
FIRST_ID: Final = 16_000_000

Trade = tuple[str, int, int, int]
"""Maker's id, taker's side, price in ten-thousandths, size."""


class Line(NamedTuple):
    time: str
    kind: int
    order: int
    size: int
    price: int
    direction: int


class Day:
    """Random orders of many accounts; what they do to the book becomes lines."""

    def __init__(self, seed: int, count: int) -> None:
        self.lines: list[Line] = []
        self.trades: list[Trade] = []
        self._engine = Engine(0)
        self._engine.adopt_rules()
        self._chance = random.Random(seed)
        self._offset = -1
        self._number = 0
        self._handle(ListProduct(*self._head("op", NO_ID), "AAPL-USD", "AAPL", "USD", 4, 0, 1, 1))
        (self._number,) = self._engine.state.products
        for at in range(count):
            self._act(FIRST_ID + at)

    def text(self, skip: int = 0) -> str:
        """Without the first `skip` lines: a file that begins when the book is not empty."""
        return "".join(",".join(map(str, line)) + "\n" for line in self.lines[skip:])

    def trades_behind(self, skip: int) -> list[Trade]:
        """Those that lines from `skip` on tell of."""
        return self.trades[sum(line.kind == 4 for line in self.lines[:skip]) :]

    def resting(self) -> list[tuple[str, int, int]]:
        """Client's id, price, and what remains, best first and in queue order, bids before asks."""
        book = self._engine.state.products[self._number]
        return [
            (order.client_oid, order.price, order.remaining)
            for ladder in (book.bids, book.asks)
            for level in ladder
            for order in level
        ]

    def _act(self, name: int) -> None:
        book = self._engine.state.products[self._number]
        live = list(book.orders.values())
        choice = self._chance.random()
        if live and choice < 0.3:
            order = self._chance.choice(live)
            if choice < 0.1 and order.remaining > 1:
                off = self._chance.randrange(1, order.remaining)
                self._handle(
                    AmendOrder(*self._head(f"account-{order.client_oid}", order.order_id), None, order.size - off)
                )
                self._line(2, int(order.client_oid), off, order.price, order.side)
                return
            self._line(3, int(order.client_oid), order.remaining, order.price, order.side)
            self._handle(CancelOrder(*self._head(f"account-{order.client_oid}", order.order_id)))
            return
        self._place(name)

    def _place(self, name: int) -> None:
        """An account for each order: nobody meets himself."""
        side = self._chance.choice(list(Side))
        price = 5_853_300 + 100 * (self._chance.randrange(-8, 4) * (1 if side is Side.BUY else -1))
        identity = mint(DAY_MS, self._offset + 1, self._number)
        command = PlaceOrder(
            identity, f"account-{name}", self._number, identity, str(name), 0, self._now(), 0, None,
            side, OrderType.LIMIT, price, self._chance.randrange(1, 300),
        )  # fmt: skip
        for event in self._handle(command):
            if isinstance(event, TradeExecuted):
                maker = int(event.maker_account.removeprefix("account-"))
                self.trades.append((str(maker), event.taker_side, event.price, event.size))
                self._line(4, maker, event.size, event.price, Side.SELL if side is Side.BUY else Side.BUY)
            elif isinstance(event, OrderRested):
                self._line(1, name, event.remaining, event.price, side)

    def _line(self, kind: int, order: int, size: int, price: int, side: Side) -> None:
        seconds = f"{(OPEN_MS + self._offset) // 1000}.{(OPEN_MS + self._offset) % 1000:03}000123"
        self.lines.append(Line(seconds, kind, order, size, price, 1 if side is Side.BUY else -1))

    def _handle(self, command: AnyCommand) -> list[AnyEvent]:
        self._offset += 1
        return self._engine.handle(command, self._offset, self._now())

    def _head(self, who: str, order: bytes) -> tuple[bytes, str, int, bytes, str, int, int, int, None]:
        return mint(DAY_MS, self._offset + 1, self._number), who, self._number, order, "", 0, self._now(), 0, None

    def _now(self) -> int:
        return (DAY_MS + OPEN_MS + self._offset + 1) * 1_000_000
