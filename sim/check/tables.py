"""Postgres, read straight from its tables in one snapshot, against the naive books at the same position."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, TypeAlias

import asyncpg

from libs.events.ids import text
from libs.events.values import Side, TradingStatus
from sim.check.difference import Difference, same
from sim.check.naive.book import NaiveBook
from sim.check.naive.order import ACTIVE, OPEN, NaiveOrder
from sim.check.outcomes import Outcomes

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
CONNECT_S: Final = 10.0
STATEMENT_S: Final = 300.0
FETCH_ROWS: Final = 5_000

_ORDERS: Final = """
    SELECT uuid_send(order_id) AS id, number, account, client_oid, side, type, price, size, funds, remaining,
           displayed, filled_size, executed_value, status, done_reason, reject_reason, priority, time_in_force,
           post_only, stp, stop_price, max_floor, expire_time, taken_off
    FROM orders WHERE partition = $1
"""
_ORDER_FIELDS: Final = (
    "account", "client_oid", "side", "type", "price", "size", "funds", "remaining", "displayed", "status",
    "done_reason", "reject_reason", "time_in_force", "post_only", "stp", "stop_price", "max_floor", "expire_time", "taken_off",
)  # fmt: skip
_PRODUCT_FIELDS: Final = (
    "product_id", "quote_increment", "base_increment", "price_scale", "size_scale", "status", "min_size", "max_size",
    "min_notional", "price_collar", "reference_price", "max_open_orders",
)  # fmt: skip
"""Columns with the names that an order, or a product, has for them."""
_TRADES: Final = """
    SELECT number, trade_id, price, size, taker_side, uuid_send(maker_order_id), uuid_send(taker_order_id), seq, time
    FROM trades WHERE partition = $1 ORDER BY number, trade_id
"""
_POSITIONS: Final = "SELECT partition, next_seq, command_offset FROM projection_offsets"
_LISTED_IDS: Final = "SELECT product_id FROM products WHERE status <> $1 ORDER BY product_id"
_LISTED: Final = (
    "SELECT number, product_id, sequence, trade_id, last_price, quote_increment, base_increment, price_scale, "
    "size_scale, status, min_size, max_size, min_notional, price_collar, reference_price, max_open_orders "
    "FROM products WHERE partition = $1 AND status <> $2"
)
_ARCHIVED: Final = "SELECT count(*), coalesce(max(seq), 0) FROM order_events WHERE partition = $1"
_OPEN: Final = "SELECT count(*) FROM open_orders JOIN orders USING (order_id) WHERE partition = $1"


class Position(NamedTuple):
    next_seq: int
    command_offset: int


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(address, timeout=CONNECT_S, command_timeout=STATEMENT_S)
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_S)


async def positions(connection: Connection) -> dict[int, Position]:
    rows = await connection.fetch(_POSITIONS)
    return {row["partition"]: Position(row["next_seq"], row["command_offset"]) for row in rows}


async def open_products(connection: Connection) -> list[str]:
    """Ids of what is listed."""
    rows = await connection.fetch(_LISTED_IDS, int(TradingStatus.DELISTED))
    return [row["product_id"] for row in rows]


class Tables:
    """The rows of one partition."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition

    async def compare(self, found: Outcomes) -> None:
        """Raise Difference unless orders, trades, products and archive say what the log says up to this event."""
        books = found.books
        standing = await self._compare_orders(found)
        for number, book in books.items():
            for side in (Side.BUY, Side.SELL):
                _compare_queue(f"product {number}, {side.name}", book, side, standing.get((number, OPEN, side), []))
            _compare_stops(f"product {number}, stops", book, [
                row for side in (Side.BUY, Side.SELL) for row in standing.get((number, ACTIVE, side), [])
            ])  # fmt: skip
        await self._compare_trades(books)
        await self._compare_products(found)
        await self._compare_counts(found)

    async def _compare_orders(self, found: Outcomes) -> dict[tuple[int, int, int], list[asyncpg.Record]]:
        """What is open, by number, status and side."""
        books, strays, seen = found.books, found.exchange.strays, 0
        standing: dict[tuple[int, int, int], list[asyncpg.Record]] = {}
        async for row in self._connection.cursor(_ORDERS, self._partition, prefetch=FETCH_ROWS):
            book = books.get(row["number"])
            order = (strays if book is None else book.orders).get(row["id"])
            if order is None:
                if row["side"] is None:  # refused before it was an order
                    continue
                raise Difference(f"Postgres has order {text(row['id'])}, which the log has not")
            seen += 1
            _compare_order(row, order)
            if row["status"] in {OPEN, ACTIVE}:
                standing.setdefault((row["number"], row["status"], row["side"]), []).append(row)
        expected = len(strays) + sum(len(book.orders) for book in books.values())
        same(f"orders of partition {self._partition} in Postgres", expected, seen)
        return standing

    async def _compare_trades(self, books: Mapping[int, NaiveBook]) -> None:
        expected = ((number, *trade) for number in sorted(books) for trade in books[number].trades)
        rows = await self._connection.fetch(_TRADES, self._partition)
        for row in rows:
            same("a trade in Postgres", next(expected, None), tuple(row))
        same("the trade after the last one in Postgres", None, next(expected, None))

    async def _compare_products(self, found: Outcomes) -> None:
        rows = await self._connection.fetch(_LISTED, self._partition, int(TradingStatus.DELISTED))
        listed = {row["number"]: row for row in rows}
        same(f"products of partition {self._partition} in Postgres", sorted(found.products), sorted(listed))
        for number, product in found.products.items():
            row, book = listed[number], found.books[number]
            for name in _PRODUCT_FIELDS:
                same(f"{product.product_id}.{name} in Postgres", getattr(product, name), row[name])
            same(
                f"sequence and last trade of {product.product_id} in Postgres",
                (found.sequences[product.product_id], book.trade_id, book.last_price),
                (row["sequence"], row["trade_id"], row["last_price"]),
            )

    async def _compare_counts(self, found: Outcomes) -> None:
        archived = await self._connection.fetchrow(_ARCHIVED, self._partition)
        same(
            f"events of partition {self._partition} archived in Postgres", (found.seq, found.seq), tuple(archived or ())
        )
        listed = await self._connection.fetchval(_OPEN, self._partition)
        is_open = sum(1 for book in found.books.values() for _ in book.standing())
        same(f"rows of open_orders of partition {self._partition}", is_open, listed)


def _compare_order(row: asyncpg.Record, order: NaiveOrder) -> None:
    expected = [getattr(order, name) for name in _ORDER_FIELDS]
    expected += [order.filled, order.value, order.place]
    for column, value in zip((*_ORDER_FIELDS, "filled_size", "executed_value", "priority"), expected, strict=True):
        if value != row[column]:
            raise Difference(f"{column} of order {text(row['id'])} in Postgres: expected {value}, found {row[column]}")


def _compare_queue(what: str, book: NaiveBook, side: Side, rows: list[asyncpg.Record]) -> None:
    sign = -1 if side is Side.BUY else 1
    rows.sort(key=lambda row: (sign * row["price"], row["priority"]))
    expected = book.resting(side)
    for place, (row, order) in enumerate(zip(rows, expected, strict=False)):
        same(f"{what}: place {place} in Postgres", order, (row["price"], row["displayed"], row["id"]))
    same(f"{what}: open orders in Postgres", len(expected), len(rows))


def _compare_stops(what: str, book: NaiveBook, rows: list[asyncpg.Record]) -> None:
    """In arming order."""
    rows.sort(key=lambda row: row["priority"])
    same(f"{what} in Postgres", list(map(text, book.stops)), [text(row["id"]) for row in rows])
