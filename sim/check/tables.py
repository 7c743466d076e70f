"""Postgres, read straight from its tables in one snapshot, against the naive books at the same position."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, TypeAlias

import asyncpg

from libs.events.ids import text
from libs.events.values import Product, Side, TradingStatus
from sim.check.difference import Difference, same
from sim.check.naive import OPEN, NaiveBook, NaiveOrder

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
CONNECT_S: Final = 10.0
STATEMENT_S: Final = 300.0
FETCH_ROWS: Final = 5_000

_ORDERS: Final = """
    SELECT uuid_send(order_id) AS id, number, account, client_oid, side, type, price, size, funds, remaining,
           displayed, filled_size, executed_value, status, done_reason, reject_reason, priority, stop_price, max_floor,
           expire_time, taken_off
    FROM orders WHERE partition = $1
"""
_TRADES: Final = """
    SELECT number, trade_id, price, size, taker_side, uuid_send(maker_order_id), uuid_send(taker_order_id), seq, time
    FROM trades WHERE partition = $1 ORDER BY number, trade_id
"""


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
    rows = await connection.fetch("SELECT partition, next_seq, command_offset FROM projection_offsets")
    return {row["partition"]: Position(row["next_seq"], row["command_offset"]) for row in rows}


async def open_products(connection: Connection) -> list[str]:
    """Ids of what is listed."""
    rows = await connection.fetch(
        "SELECT product_id FROM products WHERE status <> $1 ORDER BY product_id", int(TradingStatus.DELISTED)
    )
    return [row["product_id"] for row in rows]


class Tables:
    """The rows of one partition."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition

    async def compare(
        self, seq: int, products: Mapping[int, Product], books: Mapping[int, NaiveBook], sequences: Mapping[str, int]
    ) -> None:
        """Raise Difference unless orders, trades, products and archive say what the books say after event `seq`."""
        resting = await self._compare_orders(books)
        for number, book in books.items():
            for side in (Side.BUY, Side.SELL):
                _compare_queue(f"product {number}, {side.name}", book, side, resting.get((number, side), []))
        await self._compare_trades(books)
        await self._compare_products(products, sequences)
        await self._compare_counts(seq, books)

    async def _compare_orders(self, books: Mapping[int, NaiveBook]) -> dict[tuple[int, int], list[asyncpg.Record]]:
        seen = 0
        resting: dict[tuple[int, int], list[asyncpg.Record]] = {}
        async for row in self._connection.cursor(_ORDERS, self._partition, prefetch=FETCH_ROWS):
            book = books.get(row["number"])
            order = None if book is None else book.orders.get(row["id"])
            if order is None:
                if row["side"] is None:  # refused before it was an order
                    continue
                raise Difference(f"Postgres has order {text(row['id'])}, which the log has not")
            seen += 1
            _compare_order(row, order)
            if row["status"] == OPEN:
                resting.setdefault((row["number"], row["side"]), []).append(row)
        same(
            f"orders of partition {self._partition} in Postgres", sum(len(book.orders) for book in books.values()), seen
        )
        return resting

    async def _compare_trades(self, books: Mapping[int, NaiveBook]) -> None:
        expected = ((number, *trade) for number in sorted(books) for trade in books[number].trades)
        rows = await self._connection.fetch(_TRADES, self._partition)
        for row in rows:
            same("a trade in Postgres", next(expected, None), tuple(row))
        same("the trade after the last one in Postgres", None, next(expected, None))

    async def _compare_products(self, products: Mapping[int, Product], sequences: Mapping[str, int]) -> None:
        rows = await self._connection.fetch(
            "SELECT number, product_id, sequence, trade_id, quote_increment, base_increment, price_scale, size_scale, "
            "price_collar, reference_price, max_open_orders "
            "FROM products WHERE partition = $1 AND status <> $2",
            self._partition,
            int(TradingStatus.DELISTED),
        )
        found = {row["number"]: row for row in rows}
        same(f"products of partition {self._partition} in Postgres", sorted(products), sorted(found))
        for number, product in products.items():
            row = found[number]
            same(
                f"{product.product_id} in Postgres",
                (
                    product.product_id, sequences[product.product_id], product.quote_increment,
                    product.base_increment, product.price_scale, product.size_scale, product.price_collar,
                    product.reference_price, product.max_open_orders,
                ),
                (
                    row["product_id"], row["sequence"], row["quote_increment"],
                    row["base_increment"], row["price_scale"], row["size_scale"], row["price_collar"],
                    row["reference_price"], row["max_open_orders"],
                ),
            )  # fmt: skip

    async def _compare_counts(self, seq: int, books: Mapping[int, NaiveBook]) -> None:
        archived = await self._connection.fetchrow(
            "SELECT count(*), coalesce(max(seq), 0) FROM order_events WHERE partition = $1", self._partition
        )
        same(f"events of partition {self._partition} archived in Postgres", (seq, seq), tuple(archived or ()))
        listed = await self._connection.fetchval(
            "SELECT count(*) FROM open_orders JOIN orders USING (order_id) WHERE partition = $1", self._partition
        )
        is_open = sum(order.is_standing for book in books.values() for order in book.orders.values())
        same(f"rows of open_orders of partition {self._partition}", is_open, listed)


def _compare_order(row: asyncpg.Record, order: NaiveOrder) -> None:
    expected = (
        order.account, order.client_oid, order.side, order.type, order.price, order.size, order.funds,
        order.remaining, order.filled, order.value, order.status, order.done_reason, order.reject_reason, order.place,
        order.stop_price, order.max_floor, order.expire_time, order.taken_off,
    )  # fmt: skip
    found = (
        row["account"], row["client_oid"], row["side"], row["type"], row["price"], row["size"], row["funds"],
        row["remaining"], row["filled_size"], row["executed_value"], row["status"], row["done_reason"],
        row["reject_reason"], row["priority"], row["stop_price"], row["max_floor"], row["expire_time"], row["taken_off"],
    )  # fmt: skip
    if expected != found:
        raise Difference(f"order {text(row['id'])} in Postgres: expected {expected}, found {found}")


def _compare_queue(what: str, book: NaiveBook, side: Side, rows: list[asyncpg.Record]) -> None:
    sign = -1 if side is Side.BUY else 1
    rows.sort(key=lambda row: (sign * row["price"], row["priority"]))
    expected = book.resting(side)
    for place, (row, order) in enumerate(zip(rows, expected, strict=False)):
        same(f"{what}: place {place} in Postgres", order, (row["price"], row["displayed"], row["id"]))
    same(f"{what}: open orders in Postgres", len(expected), len(rows))
