"""The statements, by their text, and what each does. One that is not here is refused, so none is forgotten."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from libs.read_model import bootstrap, trades
from libs.read_model.connect import Uuid
from services.read_model_builder import deaths, staging, store, turnover
from services.read_model_builder import statements as sql
from sim.check import tables as check
from tests.simulation.postgres import sums
from tests.simulation.postgres.tables import Draft, Moment, Read, Record, Row, Write

_NO_ID: Final = bytes(16)
_HALF: Final = 62
_OPEN: Final = (1, 2, 3)
_ENDED: Final = (4, 5)


def _none(value: object, absent: object) -> object:
    return None if value == absent else value


def _ensure_offsets(draft: Draft, partitions: Sequence[int]) -> int:
    fresh = [partition for partition in partitions if draft.find("projection_offsets", partition) is None]
    names = ("partition", "next_seq", "next_offset", "command_offset", "time")
    return draft.insert("projection_offsets", [dict(zip(names, (at, 1, 0, -1, 0), strict=True)) for at in fresh])


def _move_positions(draft: Draft, *columns: Sequence[int]) -> int:
    moved = 0
    for partition, expected, next_seq, next_offset, command_offset, time in zip(*columns, strict=True):
        row = draft.find("projection_offsets", partition)
        if row is not None and row["next_seq"] == expected:
            place = {"next_seq": next_seq, "next_offset": next_offset, "command_offset": command_offset, "time": time}
            draft.change("projection_offsets", row, **place)
            moved += 1
    return moved


_ASKED: Final = (
    "price", "size", "remaining", "funds", "stop_price", "max_floor", "expire_time", "post_only",
)  # fmt: skip
"""What an order that was pending takes from the row that comes for it, unless that was refused unread: it has no side."""
_KEPT: Final = ("side", "type", "time_in_force", "stp", "replay_partition", "replay_offset")
"""The same, each by itself, where the row says anything."""
_LATER: Final = (
    "displayed", "filled_size", "executed_value", "status", "done_reason", "reject_reason", "first_order_id",
    "priority", "updated", "done_at", "first_seq", "seq", "taken_off",
)  # fmt: skip
"""The same, always."""


def _insert_orders(draft: Draft, staged: Sequence[Row]) -> int:
    count = 0
    for new in staged:
        row = _order(new)
        present = draft.find("orders", row["order_id"])
        if present is None:
            draft.put("orders", row)
        elif present["seq"] < row["seq"] and present["status"] == 1:
            names = (*_LATER, *(_ASKED if row["side"] is not None else ()))
            told = {name: row[name] for name in _KEPT if row[name] is not None}
            draft.change("orders", present, **told | {name: row[name] for name in names})
        else:
            continue
        count += 1
    return count


def _order(new: Row) -> Row:
    row = {name: value for name, value in new.items() if name not in {"filled", "value_high", "value_low"}}
    for name in ("side", "type", "time_in_force", "done_reason", "reject_reason", "priority", "done_at", "stp"):
        row[name] = _none(row[name], 0)
    row["first_order_id"] = _none(row["first_order_id"], _NO_ID)
    for name in ("replay_partition", "replay_offset"):
        row[name] = _none(row[name], staging.ABSENT)
    return row | {"filled_size": new["filled"], "executed_value": (new["value_high"] << _HALF) + new["value_low"]}


def _open_orders(draft: Draft, staged: Sequence[Row]) -> int:
    rows = [{"order_id": row["order_id"], "account": row["account"]} for row in staged if row["status"] in _OPEN]
    return draft.insert("open_orders", [row for row in rows if draft.find("open_orders", row["order_id"]) is None])


def _end_pending(draft: Draft, ended: Sequence[Uuid]) -> int:
    orders = draft.rows("orders")
    done = [each.bytes for each in ended if orders.get((each.bytes,), {}).get("status") in _ENDED]
    return sum(draft.delete("open_orders", order_id) for order_id in done)


_DEATH: Final = (
    "partition", "command_offset", "number", "account", "command_id", "order_id", "client_oid", "kind", "cause",
    "failures", "first_failed_at", "died_at", "seq", "replays", "replay_partition", "replay_offset",
)  # fmt: skip
_CLOSING: Final = ("closed", "closed_at", "closed_seq", "closed_by", "note")


def _insert_death(draft: Draft, *values: object) -> int:
    row = dict(zip(_DEATH, values, strict=True)) | dict.fromkeys(_CLOSING) | {"note": ""}
    if draft.find("dead_letters", row["partition"], row["command_offset"]) is not None:
        return 0
    return draft.insert("dead_letters", [row])


def _close_death(draft: Draft, partition: int, offset: int, *values: object) -> int:
    row = draft.find("dead_letters", partition, offset)
    if row is None or row["closed"] is not None:
        return 0
    draft.change("dead_letters", row, **dict(zip(_CLOSING, values, strict=True)))
    return 1


_REPLACED: Final = {
    "price": -1, "size": -1, "remaining": -1, "displayed": -1, "priority": 0, "status": 0, "done_reason": 0,
    "done_at": 0, "stop_price": -1, "max_floor": -1, "expire_time": -1,
}  # fmt: skip
"""Columns of a change, and the value that leaves them as they are."""


def _update_orders(draft: Draft, staged: Sequence[Row]) -> int:
    count = 0
    for change in staged:
        row = draft.find("orders", change["order_id"])
        if row is None or row["seq"] >= change["seq"]:
            continue
        new = {name: change[name] for name, absent in _REPLACED.items() if change[name] != absent}
        new["filled_size"] = row["filled_size"] + change["filled"]
        new["executed_value"] = row["executed_value"] + (change["value_high"] << _HALF) + change["value_low"]
        new["taken_off"] = row["taken_off"] + change["taken_off"]
        draft.change("orders", row, **new, updated=change["updated"], seq=change["seq"])
        count += 1
    return count


def _close_orders(draft: Draft, staged: Sequence[Row]) -> int:
    return sum(draft.delete("open_orders", row["order_id"]) for row in staged if row["status"] in _ENDED)


def _update_products(draft: Draft, *columns: Sequence[Any]) -> int:
    count = 0
    for number, sequence, seq, *last in zip(*columns, strict=True):
        row = draft.find("products", number)
        if row is None or row["seq"] >= seq:
            continue
        names = ("trade_id", "last_price", "last_size", "last_time")
        told = {name: value for name, value in zip(names, last, strict=True) if value is not None}
        draft.change("products", row, sequence=sequence, seq=seq, **told)
        count += 1
    return count


_PRODUCT: Final = (
    "number", "product_id", "partition", "base_currency", "quote_currency", "price_scale", "size_scale",
    "quote_increment", "base_increment", "status", "min_size", "max_size", "min_notional", "sequence", "seq",
    "trade_id", "last_price", "last_size", "last_time", "listed", "price_collar", "reference_price", "max_open_orders",
)  # fmt: skip
_PRODUCT_CHANGES: Final = (
    "quote_increment", "base_increment", "status", "min_size", "max_size", "min_notional", "price_collar",
    "reference_price", "max_open_orders",
)  # fmt: skip


def _put_product(draft: Draft, *values: Any) -> int:
    new = dict(zip(_PRODUCT, values, strict=True))
    present = draft.find("products", new["number"])
    if present is None:
        lives = [row["trade_id"] for row in draft.rows("products").values() if row["product_id"] == new["product_id"]]
        if new["trade_id"] is None:
            new["trade_id"] = max(lives, default=0)
        for name in ("last_price", "last_size", "last_time", "listed"):
            new[name] = new[name] or 0
        draft.put("products", new)
    elif present["seq"] <= new["seq"]:
        draft.change("products", present, **{name: new[name] for name in _PRODUCT_CHANGES})
    else:
        return 0
    return 1


def _selected(table: str, names: str) -> Read:
    columns = tuple(names.split())

    def read(moment: Moment) -> list[Record]:
        return [Record.of(columns, [row[name] for name in columns]) for row in moment[table].values()]

    return read


def _books_products(moment: Moment) -> list[Record]:
    names = (
        "product_id", "number", "partition", "base_currency", "quote_currency", "price_scale", "size_scale",
        "quote_increment", "base_increment", "status", "min_size", "max_size", "min_notional", "price_collar",
        "reference_price", "max_open_orders", "sequence", "trade_id", "last_price", "last_size", "last_time",
    )  # fmt: skip
    rows = sorted(moment["products"].values(), key=lambda row: row["number"])
    return [Record.of(names, [row[name] for name in names]) for row in rows]


def _books_orders(moment: Moment) -> list[Record]:
    names = (
        "account", "client_oid", "side", "price", "size", "remaining", "displayed", "priority", "time_in_force",
        "post_only", "stp", "max_floor", "stop_price", "expire_time", "funds", "taken_off",
    )  # fmt: skip
    opened = [moment["orders"][key] for key in moment["open_orders"]]
    rows = sorted((row for row in opened if row["status"] in {2, 3}), key=lambda row: row["priority"])
    found = []
    for row in rows:
        values = (Uuid(row["order_id"]), *(row[name] for name in names), row["status"] == 3, row["number"])
        found.append(Record.of(("order_id", *(f"column{at}" for at in range(len(values) - 1))), values))
    return found


def _volumes(moment: Moment, *values: int) -> list[Record]:
    """The parameters stand in the statement in the order in which it names them."""
    given = dict(zip(trades._VOLUME._names, values, strict=True))
    sizes: Counter[tuple[int, int]] = Counter()
    for row in moment["trades"].values():
        if row["time"] >= given["since"]:
            sizes[row["number"], row["time"] // given["bucket"]] += row["size"]
    return [Record.of(("number", "bucket", "sum"), (*key, size)) for key, size in sizes.items()]


def _checked_orders(moment: Moment, partition: int) -> list[Record]:
    names = (
        "number", "account", "client_oid", "side", "type", "price", "size", "funds", "remaining", "displayed",
        "filled_size", "executed_value", "status", "done_reason", "reject_reason", "priority", "time_in_force",
        "post_only", "stp", "stop_price", "max_floor", "expire_time", "taken_off",
    )  # fmt: skip
    rows = [row for row in moment["orders"].values() if row["partition"] == partition]
    return [Record.of(("id", *names), (row["order_id"], *(row[name] for name in names))) for row in rows]


def _checked_trades(moment: Moment, partition: int) -> list[Record]:
    names = ("number", "trade_id", "price", "size", "taker_side", "maker_order_id", "taker_order_id", "seq", "time")
    found = [
        Record.of(names, [row[name] for name in names])
        for row in moment["trades"].values()
        if row["partition"] == partition
    ]
    return sorted(found)


def _listed_ids(moment: Moment, delisted: int) -> list[Record]:
    found = sorted(row["product_id"] for row in moment["products"].values() if row["status"] != delisted)
    return [Record.of(("product_id",), (name,)) for name in found]


def _listed(moment: Moment, partition: int, delisted: int) -> list[Record]:
    names = (
        "number", "product_id", "sequence", "trade_id", "last_price", "quote_increment", "base_increment",
        "price_scale", "size_scale", "status", "min_size", "max_size", "min_notional", "price_collar",
        "reference_price", "max_open_orders",
    )  # fmt: skip
    return [
        Record.of(names, [row[name] for name in names])
        for row in moment["products"].values()
        if row["partition"] == partition and row["status"] != delisted
    ]


def _archived(moment: Moment, partition: int) -> list[Record]:
    seqs = [row["seq"] for row in moment["order_events"].values() if row["partition"] == partition]
    return [Record.of(("count", "max"), (len(seqs), max(seqs, default=0)))]


def _open_count(moment: Moment, partition: int) -> list[Record]:
    orders = moment["orders"]
    count = sum(orders[key]["partition"] == partition for key in moment["open_orders"])
    return [Record.of(("count",), (count,))]


_POSITIONS: Final = "SELECT partition, next_seq, next_offset, command_offset, time FROM projection_offsets"
_DAYS: Final = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'order_events'::regclass"
)
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('order_events'))"

READS: Final[dict[str, Read]] = {
    _POSITIONS: _selected("projection_offsets", "partition next_seq next_offset command_offset time"),
    _DAYS: lambda moment: [Record.of(("relname",), (row["name"],)) for row in moment["days"].values()],
    bootstrap._PRODUCTS: _books_products,
    bootstrap._ORDERS: _books_orders,
    trades._VOLUME.text: _volumes,
    check._POSITIONS: _selected("projection_offsets", "partition next_seq command_offset"),
    check._LISTED_IDS: _listed_ids,
    check._ORDERS: _checked_orders,
    check._TRADES: _checked_trades,
    check._LISTED: _listed,
    check._ARCHIVED: _archived,
    check._OPEN: _open_count,
}

WRITES: Final[dict[str, Write]] = {
    store._ENSURE_OFFSETS: _ensure_offsets,
    sql.MOVE_POSITIONS: _move_positions,
    staging.END_PENDING: _end_pending,
    deaths.INSERT: _insert_death,
    deaths.CLOSE: _close_death,
    sql.UPDATE_PRODUCTS: _update_products,
    sql.PUT_PRODUCT: _put_product,
    turnover.ADD_CANDLES: sums.add_candles,
    turnover.ADD_HOLDINGS: sums.add_holdings,
    _LOCK: lambda _draft: 0,
}

STAGED: Final[dict[str, tuple[str, Callable[[Draft, Sequence[Row]], int]]]] = {
    staging.INSERT_ORDERS: ("new_orders", _insert_orders),
    staging.OPEN_ORDERS: ("new_orders", _open_orders),
    staging.UPDATE_ORDERS: ("changed_orders", _update_orders),
    staging.CLOSE_ORDERS: ("changed_orders", _close_orders),
}
"""Statements that read a temporary table of the connection."""

TEMPORARY: Final = dict(zip(staging.CREATE, ("new_orders", "changed_orders"), strict=True))
NOTIFY: Final = "SELECT pg_notify($1, $2)"
