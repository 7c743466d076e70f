"""What a transaction of the projector sends to Postgres, and the columns of its arrays, in the order of the parameters.

Each table is written by one statement, whatever the size of the batch. Rows are guarded by their `seq`, so that even a
batch applied twice changes nothing; the compare-and-set of the positions makes sure that it never is.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from asyncpg.pgproto.pgproto import UUID

from libs.events.ids import partition_of
from libs.read_model.positions import Position
from services.read_model_builder.rows import NOTHING, NewOrder, OrderChange, ProductChange, Trade

Columns: TypeAlias = list[list[object]]

MOVE_POSITIONS: Final = """
UPDATE projection_offsets AS t
SET next_seq = u.next_seq, next_offset = u.next_offset, command_offset = u.command_offset, time = u.time
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS u (partition, expected, next_seq, next_offset, command_offset, time)
WHERE t.partition = u.partition AND t.next_seq = u.expected
"""

INSERT_ORDERS: Final = """
INSERT INTO orders AS t (
    order_id, number, partition, account, client_oid, side, type, time_in_force, post_only, price, size, remaining,
    displayed, filled_size, executed_value, funds, status, done_reason, reject_reason, first_order_id,
    replay_partition, replay_offset, priority, created, updated, done_at, first_seq, seq)
SELECT * FROM unnest(
    $1::uuid[], $2::int[], $3::smallint[], $4::text[], $5::text[], $6::smallint[], $7::smallint[], $8::smallint[],
    $9::bool[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::numeric[],
    $16::bigint[], $17::smallint[], $18::smallint[], $19::smallint[], $20::uuid[], $21::smallint[], $22::bigint[],
    $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[])
ON CONFLICT (order_id) DO UPDATE SET
    price = excluded.price, size = excluded.size, remaining = excluded.remaining, displayed = excluded.displayed,
    filled_size = excluded.filled_size, executed_value = excluded.executed_value, status = excluded.status,
    done_reason = excluded.done_reason, reject_reason = excluded.reject_reason,
    first_order_id = excluded.first_order_id, priority = excluded.priority, updated = excluded.updated,
    done_at = excluded.done_at, seq = excluded.seq
WHERE t.seq < excluded.seq AND t.status = 1
"""
"""An order that is there has its outcome, unless it is pending: a late repeat that is refused does not change it."""

UPDATE_ORDERS: Final = """
UPDATE orders AS t SET
    price = coalesce(u.price, t.price), size = coalesce(u.size, t.size),
    remaining = coalesce(u.remaining, t.remaining), displayed = coalesce(u.displayed, t.displayed),
    priority = coalesce(u.priority, t.priority), status = coalesce(u.status, t.status),
    done_reason = coalesce(u.done_reason, t.done_reason), done_at = coalesce(u.done_at, t.done_at),
    filled_size = t.filled_size + u.filled, executed_value = t.executed_value + u.value,
    updated = u.updated, seq = u.seq
FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[], $8::smallint[],
    $9::bigint[], $10::bigint[], $11::numeric[], $12::bigint[], $13::bigint[])
    AS u (order_id, price, size, remaining, displayed, priority, status, done_reason, done_at, filled, value,
        updated, seq)
WHERE t.order_id = u.order_id AND t.seq < u.seq
"""

OPEN: Final = """
INSERT INTO open_orders (order_id, account)
SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING
"""

CLOSE: Final = "DELETE FROM open_orders WHERE order_id = ANY ($1::uuid[])"


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
    last_time, listed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
    coalesce($16::bigint, (SELECT max(trade_id) FROM products WHERE product_id = $2), 0),
    coalesce($17::bigint, 0), coalesce($18::bigint, 0), coalesce($19::bigint, 0), coalesce($20::bigint, 0))
ON CONFLICT (number) DO UPDATE SET
    quote_increment = excluded.quote_increment, base_increment = excluded.base_increment, status = excluded.status,
    min_size = excluded.min_size, max_size = excluded.max_size, min_notional = excluded.min_notional
WHERE t.seq <= excluded.seq
"""
"""One product at a time, in the order of their numbers: a product that is listed anew counts its trades on."""


def position_columns(moves: Iterable[tuple[Position, Position]]) -> Columns:
    return _columns(
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


def new_order_columns(orders: Iterable[NewOrder]) -> Columns:
    return _columns(
        (
            UUID(order.order_id),
            order.number,
            partition_of(order.number),
            order.account,
            order.client_oid,
            order.side,
            order.type,
            order.time_in_force,
            order.post_only,
            order.price,
            order.size,
            order.remaining,
            order.displayed,
            order.filled,
            _numeric(order.value),
            order.funds,
            order.status,
            order.done_reason,
            order.reject_reason,
            UUID(order.first_order_id) if order.first_order_id else None,
            order.replay_of.partition if order.replay_of else None,
            order.replay_of.offset if order.replay_of else None,
            order.priority,
            order.created,
            order.updated,
            order.done_at,
            order.first_seq,
            order.seq,
        )
        for order in orders
    )


def order_change_columns(changes: Iterable[OrderChange]) -> Columns:
    return _columns(
        (
            UUID(change.order_id),
            change.price,
            change.size,
            change.remaining,
            change.displayed,
            change.priority,
            change.status,
            change.done_reason,
            change.done_at,
            change.filled,
            _numeric(change.value),
            change.updated,
            change.seq,
        )
        for change in changes
    )


def product_columns(changes: Iterable[ProductChange]) -> Columns:
    return _columns(
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
    )


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


def ids(order_ids: Iterable[bytes]) -> list[UUID]:
    return [UUID(order_id) for order_id in order_ids]


def _numeric(value: int) -> Decimal:
    return Decimal(value) if value else NOTHING


def _columns(rows: Iterable[Sequence[object]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]
