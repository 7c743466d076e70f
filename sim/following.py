"""A client that follows the market over a socket for as long as it is told, while traders trade, and trusts nothing.

It rebuilds the book of levels and the book of orders of each product from messages alone, checks every sequence, checksum
and trade on the way, and ends with both equal to the book that REST shows. What does not fit is raised; nothing is skipped.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sim.check.difference import Difference, same
from sim.exchange import Book, Exchange, Unavailable, persistently
from sim.live import Live
from sim.products import ensure_listed
from sim.rebuilding import LevelsBook, OrdersBook
from sim.runs import Rate
from sim.traders import Floor

FLOORS: Final = 8
"""Groups of traders, so that as many requests are under way at a time."""
MOST_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""A snapshot of a deep book is one message."""
PATIENCE_S: Final = 30.0
END_LIMIT_S: Final = 60.0
LOOK_EVERY_S: Final = 0.5
CHANNELS: Final = ("level2", "full")


class Wanted(NamedTuple):
    seconds: float
    seed: int
    rate: float
    """Orders a second, of all traders together."""
    products: Sequence[str]


class Seen(NamedTuple):
    """What a run saw. A gap is not here: it ends the run."""

    seconds: float
    orders: int
    messages: int
    changes: int
    """Messages of level2 after a snapshot."""
    checksums: int
    facts: int
    trades: int
    resyncs: int

    def lines(self) -> list[str]:
        return [
            f"{self.orders:,} orders in {self.seconds:.0f} s; {self.messages:,} messages, {self._rate:,.0f} a second",
            f"level2: {self.changes:,} changes, {self.checksums:,} checksums, all as computed",
            f"full: {self.facts:,} facts, {self.trades:,} trades, none past a better price that was shown",
            f"0 gaps, {self.resyncs} resyncs; both books are the one that REST shows",
        ]

    @property
    def _rate(self) -> float:
        return self.messages / self.seconds


class Follower:
    """One socket, both books of each product."""

    def __init__(self, exchange: Exchange, products: Sequence[str]) -> None:
        self._exchange = exchange
        self.levels = {product: LevelsBook(product) for product in products}
        self.orders = {product: OrdersBook(product) for product in products}
        self.messages = 0

    async def run(self) -> None:
        """Until cancelled. Raises Gap, Unavailable."""
        try:
            async with connect(_address(self._exchange.url), max_size=MOST_MESSAGE_BYTES) as socket:
                wanted = {"type": "subscribe", "channels": CHANNELS, "product_ids": list(self.levels)}
                await socket.send(msgspec.json.encode(wanted).decode())
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._hear(socket))
                    group.create_task(self._join())
        except (OSError, InvalidHandshake) as error:
            raise Unavailable(f"no socket: {error}") from error

    async def ends_with_rest(self) -> None:
        """When nobody trades any more. Raises Difference when the books do not come to be equal."""
        for product in self.levels:
            deadline = time.monotonic() + END_LIMIT_S
            while not self._agrees(product, await self._book(product)):
                if time.monotonic() > deadline:
                    raise Difference(f"{product}: the feed does not reach the sequence of the REST book")
                await asyncio.sleep(LOOK_EVERY_S)

    async def _hear(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                message: dict[str, Any] = msgspec.json.decode(text)
                self.messages += 1
                if message["type"] == "error":
                    raise Difference(f"the feed refuses: {message['reason']}")
                product = message.get("product_id")
                if product in self.levels:  # not so the list of subscriptions
                    self.levels[product].take(message)
                    self.orders[product].take(message)
        raise Unavailable(f"the socket was closed: {socket.close_code} {socket.close_reason}")

    async def _join(self) -> None:
        """Give each book of orders a REST book to begin with, at first and after a resync."""
        while True:
            for product, orders in self.orders.items():
                least = self.levels[product].sequence
                if orders.sequence is not None or least is None:
                    continue
                book = await self._book(product)
                if book.sequence + 1 >= (orders.first_kept or least):
                    orders.begin(msgspec.to_builtins(book))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _book(self, product: str) -> Book:
        return await persistently(lambda: self._exchange.book(product), PATIENCE_S)

    def _agrees(self, product: str, book: Book) -> bool:
        """False when the books are not yet, or no longer, where REST was."""
        levels, orders = self.levels[product], self.orders[product]
        if not levels.sequence == orders.sequence == book.sequence:
            return False
        for name, rows in (("bids", book.bids), ("asks", book.asks)):
            what = f"{product}: {name} at {book.sequence}"
            same(f"{what}, orders", [list(row) for row in rows], orders.orders(name))
            same(f"{what}, levels", levels_of(rows), [(price, _units(size)) for price, size in levels.levels(name)])
        return True


def levels_of(rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, int]]:
    """Price and units of each level of a book of orders, in its order."""
    found: dict[str, int] = {}
    for price, size, _ in rows:
        found[price] = found.get(price, 0) + _units(size)
    return list(found.items())


async def follow(exchange: Exchange, wanted: Wanted, live: Live) -> Seen:
    """Raises Gap, Difference, Unavailable."""
    for product in wanted.products:
        await ensure_listed(exchange, product)
    follower = Follower(exchange, wanted.products)
    run = f"f{int(time.time()):x}"
    floors = [Floor(exchange, wanted.products, wanted.seed + each, f"{run}-{each}") for each in range(FLOORS)]
    began = time.monotonic()
    hearing = asyncio.create_task(follower.run())
    trading = [asyncio.create_task(floor.trade(wanted.rate / FLOORS)) for floor in floors]
    try:
        await _until(began + wanted.seconds, follower, floors, [hearing, *trading], live)
        await _cancelled(trading)
        ending = asyncio.create_task(follower.ends_with_rest())
        await asyncio.wait({hearing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            hearing.result()
        await ending
    finally:
        await _cancelled([hearing, *trading])
    return _seen(follower, floors, time.monotonic() - began)


async def _until(
    end: float, follower: Follower, floors: Sequence[Floor], tasks: Sequence["asyncio.Task[None]"], live: Live
) -> None:
    """What ends before the time is up raises why."""
    rate = Rate()
    while (left := end - time.monotonic()) > 0:
        done, _ = await asyncio.wait(tasks, timeout=min(left, LOOK_EVERY_S), return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        sent = sum(floor.sent for floor in floors)
        trouble = next((floor.trouble for floor in floors if floor.trouble), "")
        heard = f"{follower.messages:,} messages"
        live.show(trouble[:120] or f"following | {rate.of(sent):,.0f} orders/s | {heard} | {left:.0f} s left")


async def _cancelled(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _seen(follower: Follower, floors: Sequence[Floor], seconds: float) -> Seen:
    levels, orders = follower.levels.values(), follower.orders.values()
    return Seen(
        seconds=seconds,
        orders=sum(floor.sent for floor in floors),
        messages=follower.messages,
        changes=sum(book.updates for book in levels),
        checksums=sum(book.checksums for book in levels),
        facts=sum(book.facts for book in orders),
        trades=sum(book.trades for book in orders),
        resyncs=sum(book.resyncs for book in levels) + sum(book.resyncs for book in orders),
    )


def _address(url: str) -> str:
    """Of the socket that belongs to an HTTP address."""
    return f"ws{url.removeprefix('http')}/ws"


def _units(size: str) -> int:
    return int(size.replace(".", ""))
