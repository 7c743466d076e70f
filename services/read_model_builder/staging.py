"""Rows of orders on their way into the tables: packed here, copied into temporary tables, applied by one statement each.

Arrays and `unnest` would do the same, but asyncpg looks at every element of an array before it encodes it, which takes
longer than all else the projector does with an order. A row packed at once costs a third of that, and Postgres the same.

No column is null, so that a row is one `pack`: `ABSENT` and 0 stand for null where neither can be a value.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

from libs.events.ids import partition_of
from services.read_model_builder.rows import NewOrder, OrderChange

ABSENT: Final = -1
_NO_ID: Final = bytes(16)
_HALF: Final = 62
_LOW: Final = (1 << _HALF) - 1

_NEW_FORM: Final = (
    ("order_id", "uuid", "16s"),
    ("first_order_id", "uuid", "16s"),
    ("price", "bigint", "q"),
    ("size", "bigint", "q"),
    ("remaining", "bigint", "q"),
    ("displayed", "bigint", "q"),
    ("filled", "bigint", "q"),
    ("value_high", "bigint", "q"),
    ("value_low", "bigint", "q"),
    ("funds", "bigint", "q"),
    ("priority", "bigint", "q"),
    ("created", "bigint", "q"),
    ("updated", "bigint", "q"),
    ("done_at", "bigint", "q"),
    ("first_seq", "bigint", "q"),
    ("seq", "bigint", "q"),
    ("replay_offset", "bigint", "q"),
    ("stop_price", "bigint", "q"),
    ("max_floor", "bigint", "q"),
    ("expire_time", "bigint", "q"),
    ("taken_off", "bigint", "q"),
    ("number", "integer", "i"),
    ("partition", "smallint", "h"),
    ("side", "smallint", "h"),
    ("type", "smallint", "h"),
    ("time_in_force", "smallint", "h"),
    ("status", "smallint", "h"),
    ("done_reason", "smallint", "h"),
    ("reject_reason", "smallint", "h"),
    ("replay_partition", "smallint", "h"),
    ("stp", "smallint", "h"),
    ("post_only", "boolean", "?"),
)
_NEW_TEXTS: Final = ("account", "client_oid")
_CHANGE_FORM: Final = (
    ("order_id", "uuid", "16s"),
    ("price", "bigint", "q"),
    ("size", "bigint", "q"),
    ("remaining", "bigint", "q"),
    ("displayed", "bigint", "q"),
    ("filled", "bigint", "q"),
    ("value_high", "bigint", "q"),
    ("value_low", "bigint", "q"),
    ("priority", "bigint", "q"),
    ("updated", "bigint", "q"),
    ("done_at", "bigint", "q"),
    ("seq", "bigint", "q"),
    ("stop_price", "bigint", "q"),
    ("max_floor", "bigint", "q"),
    ("expire_time", "bigint", "q"),
    ("taken_off", "bigint", "q"),
    ("status", "smallint", "h"),
    ("done_reason", "smallint", "h"),
)
NEW_COLUMNS: Final = (*(name for name, _, _ in _NEW_FORM), *_NEW_TEXTS)
CHANGE_COLUMNS: Final = tuple(name for name, _, _ in _CHANGE_FORM)
_NEW_COUNT: Final = len(NEW_COLUMNS)
_CHANGE_COUNT: Final = len(CHANGE_COLUMNS)


def _table(name: str, columns: Iterable[tuple[str, str]]) -> str:
    wanted = ", ".join(f"{column} {kind} NOT NULL" for column, kind in columns)
    return f"CREATE TEMPORARY TABLE {name} ({wanted}) ON COMMIT DELETE ROWS"


CREATE: Final = (
    _table(
        "new_orders",
        [*((name, kind) for name, kind, _ in _NEW_FORM), *((name, "text") for name in _NEW_TEXTS)],
    ),
    _table("changed_orders", [(name, kind) for name, kind, _ in _CHANGE_FORM]),
)

# In the statements -1 is ABSENT, and 4611686018427387904 is what the high half of a value counts.

INSERT_ORDERS: Final = """
INSERT INTO orders AS t (
    order_id, number, partition, account, client_oid, side, type, time_in_force, post_only, price, size, remaining,
    displayed, filled_size, executed_value, funds, status, done_reason, reject_reason, first_order_id,
    replay_partition, replay_offset, priority, created, updated, done_at, first_seq, seq, stop_price, max_floor,
    expire_time, taken_off, stp)
SELECT order_id, number, partition, account, client_oid, nullif(side, 0), nullif(type, 0), nullif(time_in_force, 0),
    post_only, price, size, remaining, displayed, filled, value_high * 4611686018427387904::numeric + value_low, funds, status,
    nullif(done_reason, 0), nullif(reject_reason, 0), nullif(first_order_id, '00000000-0000-0000-0000-000000000000'),
    nullif(replay_partition, -1), nullif(replay_offset, -1), nullif(priority, 0), created, updated,
    nullif(done_at, 0), first_seq, seq, stop_price, max_floor, expire_time, taken_off, nullif(stp, 0)
FROM new_orders
ON CONFLICT (order_id) DO UPDATE SET
    side = coalesce(excluded.side, t.side), type = coalesce(excluded.type, t.type),
    time_in_force = coalesce(excluded.time_in_force, t.time_in_force), stp = coalesce(excluded.stp, t.stp),
    price = CASE WHEN excluded.side IS NULL THEN t.price ELSE excluded.price END,
    size = CASE WHEN excluded.side IS NULL THEN t.size ELSE excluded.size END,
    remaining = CASE WHEN excluded.side IS NULL THEN t.remaining ELSE excluded.remaining END,
    funds = CASE WHEN excluded.side IS NULL THEN t.funds ELSE excluded.funds END,
    stop_price = CASE WHEN excluded.side IS NULL THEN t.stop_price ELSE excluded.stop_price END,
    max_floor = CASE WHEN excluded.side IS NULL THEN t.max_floor ELSE excluded.max_floor END,
    expire_time = CASE WHEN excluded.side IS NULL THEN t.expire_time ELSE excluded.expire_time END,
    post_only = CASE WHEN excluded.side IS NULL THEN t.post_only ELSE excluded.post_only END,
    displayed = excluded.displayed, filled_size = excluded.filled_size, executed_value = excluded.executed_value,
    status = excluded.status, done_reason = excluded.done_reason, reject_reason = excluded.reject_reason,
    first_order_id = excluded.first_order_id, replay_partition = coalesce(excluded.replay_partition, t.replay_partition),
    replay_offset = coalesce(excluded.replay_offset, t.replay_offset), priority = excluded.priority,
    updated = excluded.updated, done_at = excluded.done_at, first_seq = excluded.first_seq, seq = excluded.seq,
    taken_off = excluded.taken_off
WHERE t.seq < excluded.seq AND t.status = 1
"""
"""An order that is there has its outcome, unless it is pending: a late repeat that is refused does not change it.

What a pending order is told by (its account, its name, when it came) stays. Refused unread, it keeps what it asked for.
"""

OPEN_ORDERS: Final = """
INSERT INTO open_orders (order_id, account)
SELECT order_id, account FROM new_orders WHERE status IN (1, 2, 3) ON CONFLICT DO NOTHING
"""

END_PENDING: Final = """
DELETE FROM open_orders AS t USING orders AS o
WHERE t.order_id = ANY ($1::uuid[]) AND o.order_id = t.order_id AND o.status IN (4, 5)
"""

UPDATE_ORDERS: Final = """
UPDATE orders AS t SET
    price = coalesce(nullif(u.price, -1), t.price), size = coalesce(nullif(u.size, -1), t.size),
    remaining = coalesce(nullif(u.remaining, -1), t.remaining),
    displayed = coalesce(nullif(u.displayed, -1), t.displayed),
    priority = coalesce(nullif(u.priority, 0), t.priority), status = coalesce(nullif(u.status, 0), t.status),
    done_reason = coalesce(nullif(u.done_reason, 0), t.done_reason),
    done_at = coalesce(nullif(u.done_at, 0), t.done_at), filled_size = t.filled_size + u.filled,
    executed_value = t.executed_value + (u.value_high * 4611686018427387904::numeric + u.value_low),
    stop_price = coalesce(nullif(u.stop_price, -1), t.stop_price),
    max_floor = coalesce(nullif(u.max_floor, -1), t.max_floor),
    expire_time = coalesce(nullif(u.expire_time, -1), t.expire_time), taken_off = t.taken_off + u.taken_off,
    updated = u.updated, seq = u.seq
FROM changed_orders AS u
WHERE t.order_id = u.order_id AND t.seq < u.seq
"""

CLOSE_ORDERS: Final = """
DELETE FROM open_orders AS t USING changed_orders AS u WHERE t.order_id = u.order_id AND u.status IN (4, 5)
"""


def _pack(form: tuple[tuple[str, str, str], ...]) -> Struct:
    """A row in the binary COPY form: the count of its columns, then the length and the value of each."""
    return Struct(">h" + "".join("i" + code for _, _, code in form))


_new: Final = _pack(_NEW_FORM).pack
_changed: Final = _pack(_CHANGE_FORM).pack
_length: Final = Struct(">i").pack


def new_rows(orders: Iterable[NewOrder]) -> list[bytes]:
    return [_new_row(order) for order in orders]


def change_rows(changes: Iterable[OrderChange]) -> list[bytes]:
    return [_change_row(change) for change in changes]


def _new_row(order: NewOrder) -> bytes:
    account, client_oid = order.account.encode(), order.client_oid.encode()
    value, replay = order.value, order.replay_of
    fixed = _new(
        _NEW_COUNT,
        16,
        order.order_id,
        16,
        order.first_order_id or _NO_ID,
        8,
        order.price,
        8,
        order.size,
        8,
        order.remaining,
        8,
        order.displayed,
        8,
        order.filled,
        8,
        value >> _HALF,
        8,
        value & _LOW,
        8,
        order.funds,
        8,
        order.priority or 0,
        8,
        order.created,
        8,
        order.updated,
        8,
        order.done_at or 0,
        8,
        order.first_seq,
        8,
        order.seq,
        8,
        ABSENT if replay is None else replay.offset,
        8,
        order.stop_price,
        8,
        order.max_floor,
        8,
        order.expire_time,
        8,
        order.taken_off,
        4,
        order.number,
        2,
        partition_of(order.number),
        2,
        order.side or 0,
        2,
        order.type or 0,
        2,
        order.time_in_force or 0,
        2,
        order.status,
        2,
        order.done_reason or 0,
        2,
        order.reject_reason or 0,
        2,
        ABSENT if replay is None else replay.partition,
        2,
        order.stp or 0,
        1,
        order.post_only,
    )
    return b"".join((fixed, _length(len(account)), account, _length(len(client_oid)), client_oid))


def _change_row(change: OrderChange) -> bytes:
    value = change.value
    return _changed(
        _CHANGE_COUNT,
        16,
        change.order_id,
        8,
        ABSENT if change.price is None else change.price,
        8,
        ABSENT if change.size is None else change.size,
        8,
        ABSENT if change.remaining is None else change.remaining,
        8,
        ABSENT if change.displayed is None else change.displayed,
        8,
        change.filled,
        8,
        value >> _HALF,
        8,
        value & _LOW,
        8,
        change.priority or 0,
        8,
        change.updated,
        8,
        change.done_at or 0,
        8,
        change.seq,
        8,
        ABSENT if change.stop_price is None else change.stop_price,
        8,
        ABSENT if change.max_floor is None else change.max_floor,
        8,
        ABSENT if change.expire_time is None else change.expire_time,
        8,
        change.taken_off,
        2,
        change.status or 0,
        2,
        change.done_reason or 0,
    )
