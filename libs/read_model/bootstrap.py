"""The books as of a position: what a live book starts from, and what a check compares with the log.

Orders, products and positions are read in one REPEATABLE READ transaction, so all are of the same moment.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import asyncpg
import msgspec

from libs.book.orders import Order
from libs.book.partition import PartitionState, Tombstone
from libs.book.snapshot import restore
from libs.book.window import Window
from libs.events.ids import partition_of
from libs.events.values import Product, TradingStatus
from libs.read_model.connect import AnyConnection
from libs.read_model.positions import Position, read_positions

_PRODUCTS: Final = """
SELECT product_id, number, partition, base_currency, quote_currency, price_scale, size_scale, quote_increment,
    base_increment, status, min_size, max_size, min_notional, price_collar, reference_price, max_open_orders, sequence,
    trade_id, last_price, last_size, last_time
FROM products ORDER BY number
"""
_PRODUCT_FIELDS: Final = len(Product.__struct_fields__)

_ORDERS: Final = """
SELECT o.order_id, o.account, o.client_oid, o.side, o.price, o.size, o.remaining, o.displayed, o.priority,
    o.time_in_force, o.post_only, o.stp, o.max_floor, o.stop_price, o.expire_time, o.funds, o.taken_off, o.status = 3, o.number
FROM open_orders JOIN orders AS o USING (order_id) WHERE o.status IN (2, 3) ORDER BY o.priority
"""
"""The fields of an `Order` in their order, and the product. Armed stops are of status 3."""


class LastTrade(NamedTuple):
    price: int
    size: int
    time: int


class ProductState(NamedTuple):
    """A life of a product, with what its book cannot know from open orders."""

    product: Product
    sequence: int
    trade_id: int
    last: LastTrade


class Books(NamedTuple):
    states: dict[int, PartitionState]
    positions: dict[int, Position]
    products: list[ProductState]
    """All lives of all products, by number."""


async def read_books(connection: AnyConnection) -> Books:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        positions = await read_positions(connection)
        products = [_product_state(row) for row in await connection.fetch(_PRODUCTS)]
        rows = await connection.fetch(_ORDERS)
    states = {position.partition: follower(position) for position in positions.values()}
    _list(states, products)
    _rest(states, rows)
    return Books(states, positions, products)


def _product_state(row: asyncpg.Record) -> ProductState:
    fields = list(row)
    product = msgspec.convert(fields[:_PRODUCT_FIELDS], Product)
    sequence, trade_id, price, size, time = fields[_PRODUCT_FIELDS:]
    return ProductState(product, sequence, trade_id, LastTrade(price, size, time))


def follower(position: Position) -> PartitionState:
    """An empty state at a position, to fold events into."""
    state = PartitionState(position.partition)
    state.seq = position.next_seq - 1
    state.time = position.time
    state.command_offset = position.command_offset
    state.window = Window(capacity=1)  # whoever only follows decides nothing, and needs no memory of commands
    return state


def _list(states: dict[int, PartitionState], products: Iterable[ProductState]) -> None:
    for product, sequence, trade_id, last in products:
        state = states[product.partition]
        if product.status is TradingStatus.DELISTED:
            state.tombstones[product.product_id] = Tombstone(product, sequence, trade_id)
            continue
        book = state.list_product(product)
        book.sequence = sequence
        book.trade_id = trade_id
        book.last_price = last.price


def _rest(states: dict[int, PartitionState], rows: Iterable[asyncpg.Record]) -> None:
    """Rows come in queue order: a priority is a place in the partition's history."""
    for order_id, *fields, number in rows:
        order = msgspec.convert([order_id.bytes, *fields], Order)
        restore(states[partition_of(number)].products[number], (order,))
