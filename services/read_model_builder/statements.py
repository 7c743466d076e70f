"""What a transaction of the projector sends to Postgres for all but orders, whose statements are in `staging`.

Each table is written by one statement, whatever the size of the batch. Changed rows are guarded by their `seq`, so that even a
batch applied twice changes nothing; the compare-and-set of the positions makes sure that it never is.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from asyncpg.pgproto.pgproto import UUID

from libs.read_model.positions import Position
from services.read_model_builder.rows import ProductChange, SelfTrade, Trade

Columns: TypeAlias = list[list[object]]

MOVE_POSITIONS: Final = """
UPDATE projection_offsets AS t
SET next_seq = u.next_seq, next_offset = u.next_offset, command_offset = u.command_offset, time = u.time
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS u (partition, expected, next_seq, next_offset, command_offset, time)
WHERE t.partition = u.partition AND t.next_seq = u.expected
"""

TRADE_COLUMNS: Final = (
    "number",
    "taker_side",
    "partition",
    "trade_id",
    "seq",
    "time",
    "price",
    "size",
    "maker_order_id",
    "taker_order_id",
    "maker_account",
    "taker_account",
)

SELF_TRADE_COLUMNS: Final = ("maker_order_id", "seq", "time", "partition")

UPDATE_PRODUCTS: Final = """
UPDATE products AS t SET
    sequence = u.sequence, seq = u.seq, trade_id = coalesce(u.trade_id, t.trade_id),
    last_price = coalesce(u.last_price, t.last_price), last_size = coalesce(u.last_size, t.last_size),
    last_time = coalesce(u.last_time, t.last_time)
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS u (number, sequence, seq, trade_id, last_price, last_size, last_time)
WHERE t.number = u.number AND t.seq < u.seq
"""

PUT_PRODUCT: Final = """
INSERT INTO products AS t (
    number, product_id, partition, base_currency, quote_currency, price_scale, size_scale, quote_increment,
    base_increment, status, min_size, max_size, min_notional, sequence, seq, trade_id, last_price, last_size,
    last_time, listed, price_collar, reference_price, max_open_orders)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
    coalesce($16::bigint, (SELECT max(trade_id) FROM products WHERE product_id = $2), 0),
    coalesce($17::bigint, 0), coalesce($18::bigint, 0), coalesce($19::bigint, 0), coalesce($20::bigint, 0),
    $21, $22, $23)
ON CONFLICT (number) DO UPDATE SET
    quote_increment = excluded.quote_increment, base_increment = excluded.base_increment, status = excluded.status,
    min_size = excluded.min_size, max_size = excluded.max_size, min_notional = excluded.min_notional,
    price_collar = excluded.price_collar, reference_price = excluded.reference_price,
    max_open_orders = excluded.max_open_orders
WHERE t.seq <= excluded.seq
"""
"""One product at a time, in the order of their numbers: a product that is listed anew counts its trades on."""


def position_columns(moves: Iterable[tuple[Position, Position]]) -> Columns:
    return columns_of(
        (
            before.partition,
            before.next_seq,
            after.next_seq,
            after.next_offset,
            after.command_offset,
            after.time,
        )
        for before, after in moves
    )


def product_columns(changes: Iterable[ProductChange]) -> Columns:
    return columns_of(
        (
            change.number,
            change.sequence,
            change.seq,
            change.trade_id,
            change.last_price,
            change.last_size,
            change.last_time,
        )
        for change in changes
    )


def product_row(change: ProductChange) -> tuple[object, ...]:
    product = change.product
    assert product is not None
    return (
        product.number,
        product.product_id,
        product.partition,
        product.base_currency,
        product.quote_currency,
        product.price_scale,
        product.size_scale,
        product.quote_increment,
        product.base_increment,
        product.status,
        product.min_size,
        product.max_size,
        product.min_notional,
        change.sequence,
        change.seq,
        change.trade_id,
        change.last_price,
        change.last_size,
        change.last_time,
        change.listed,
        product.price_collar,
        product.reference_price,
        product.max_open_orders,
    )


def self_trade_row(found: SelfTrade) -> tuple[object, ...]:
    return UUID(found.maker_order_id), found.seq, found.time, found.partition


def trade_row(trade: Trade) -> tuple[object, ...]:
    return (
        trade.number,
        trade.taker_side,
        trade.partition,
        trade.trade_id,
        trade.seq,
        trade.time,
        trade.price,
        trade.size,
        UUID(trade.maker_order_id),
        UUID(trade.taker_order_id),
        trade.maker_account,
        trade.taker_account,
    )


def columns_of(rows: Iterable[Sequence[object]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]
