"""Rows by key, as of one moment: a transaction changes a draft, and a commit puts it in place, so that a reader's moment stays."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import asyncpg

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = Mapping[Hashable, Row]
Moment: TypeAlias = Mapping[str, Rows]

KEYS: Final[dict[str, tuple[str, ...]]] = {
    "projection_offsets": ("partition",),
    "orders": ("order_id",),
    "open_orders": ("order_id",),
    "products": ("number",),
    "trades": ("number", "trade_id"),
    "self_trades": ("maker_order_id", "seq"),
    "order_events": ("partition", "seq"),
    "candles": ("number", "granularity", "time"),
    "holdings": ("account", "number"),
    "dead_letters": ("partition", "command_offset"),
    "days": ("name",),
}
"""Tables and their primary keys. `days` are the partitions of the archive."""
EMPTY: Final[Moment] = {name: {} for name in KEYS}


def key_of(table: str, row: Row) -> Hashable:
    return tuple(row[name] for name in KEYS[table])


class Draft:
    """What one transaction has changed so far. Rows are replaced, never changed in place."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._changed: dict[str, dict[Hashable, Row]] = {}

    def rows(self, table: str) -> Rows:
        return self._changed[table] if table in self._changed else self._moment[table]

    def find(self, table: str, *key: object) -> Row | None:
        return self.rows(table).get(key)

    def put(self, table: str, row: Row) -> None:
        self._written(table)[key_of(table, row)] = row

    def insert(self, table: str, rows: Iterable[Row]) -> int:
        """Raises what a primary key raises."""
        written, count = self._written(table), 0
        for row in rows:
            key = key_of(table, row)
            if key in written:
                raise asyncpg.UniqueViolationError(
                    f'duplicate key value violates unique constraint of "{table}": {key}'
                )
            written[key] = row
            count += 1
        return count

    def change(self, table: str, row: Row, **changes: object) -> None:
        self.put(table, row | changes)

    def delete(self, table: str, *key: object) -> int:
        return 0 if self._written(table).pop(key, None) is None else 1

    def moment(self) -> Moment:
        """As it is once this is committed."""
        return {**self._moment, **self._changed}

    def _written(self, table: str) -> dict[Hashable, Row]:
        if table not in self._changed:
            self._changed[table] = dict(self._moment[table])
        return self._changed[table]


class Record(tuple[Any, ...]):  # noqa: SLOT001  # a tuple has no room for names
    """A row as asyncpg gives it: by place and by name."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: tuple[str, ...], values: Iterable[object]) -> "Record":
        made = cls(values)
        made.names = names
        return made

    def __getitem__(self, at: Any) -> Any:
        return tuple.__getitem__(self, self.names.index(at) if isinstance(at, str) else at)


Read: TypeAlias = Callable[..., list[Record]]
"""A moment and the arguments to rows."""
Write: TypeAlias = Callable[..., int]
"""A draft and the arguments to a count of rows."""
