"""Dead letters as they are asked for: by name, by what they have in common, around a moment."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Integer, Select, SmallInteger, Tuple, bindparam, select, tuple_

from libs.events.values import DeadLetterName
from libs.read_model.compiled import Query
from libs.read_model.connect import AnyConnection, Uuid
from libs.read_model.schema import dead_letters, products


class DeadLetterRow(NamedTuple):
    """`closed` is null while it is open. Product and ids are null where the command cannot be read."""

    partition: int
    command_offset: int
    number: int
    account: str
    command_id: Uuid | None
    order_id: Uuid | None
    client_oid: str
    kind: int
    cause: int
    failures: int
    first_failed_at: int
    died_at: int
    seq: int
    replays: int
    replay_partition: int | None
    replay_offset: int | None
    closed: int | None
    closed_at: int | None
    closed_seq: int | None
    closed_by: Uuid | None
    note: str
    product_id: str | None
    price_scale: int | None
    size_scale: int | None

    @property
    def name(self) -> DeadLetterName:
        return DeadLetterName(self.partition, self.command_offset)


class DeadLetterCursor(NamedTuple):
    died_at: int
    partition: int
    command_offset: int


class DeadLetterPage(NamedTuple):
    """Which are wanted: newest first, between two cursors, which are not included themselves."""

    limit: int
    open: bool | None = None
    product_id: str | None = None
    account: str | None = None
    cause: int | None = None
    since: int | None = None
    """Died at this time, in ns, or later."""
    until: int | None = None
    """Died before."""
    before: DeadLetterCursor | None = None
    """Only newer ones, and of those the oldest."""
    after: DeadLetterCursor | None = None
    """Only older ones."""


def _select() -> Select[DeadLetterRow]:
    of_product = ("product_id", "price_scale", "size_scale")
    columns = [products.c[name] if name in of_product else dead_letters.c[name] for name in DeadLetterRow._fields]
    return select(*columns).select_from(dead_letters.outerjoin(products, dead_letters.c.number == products.c.number))


_place: Final = tuple_(dead_letters.c.died_at, dead_letters.c.partition, dead_letters.c.command_offset)
_BY_NAME: Final = Query(
    _select().where(
        dead_letters.c.partition == bindparam("partition", type_=SmallInteger),
        dead_letters.c.command_offset == bindparam("command_offset", type_=BigInteger),
    )
)


async def dead_letter(connection: AnyConnection, name: DeadLetterName) -> DeadLetterRow | None:
    rows = await _BY_NAME.fetch(connection, partition=name.partition, command_offset=name.offset)
    return DeadLetterRow(*rows[0]) if rows else None


async def dead_letters_named(connection: AnyConnection, names: Sequence[DeadLetterName]) -> list[DeadLetterRow]:
    """Those that there are, in the order of the log. One query each: there are few names in a request."""
    found = [
        await dead_letter(connection, name)
        for name in sorted(set(names), key=lambda name: (name.partition, name.offset))
    ]
    return [row for row in found if row is not None]


async def dead_letters_page(connection: AnyConnection, page: DeadLetterPage) -> list[DeadLetterRow]:
    """Newest first."""
    given = {name: value for name, value in page._asdict().items() if value is not None}
    values = {name: value for name, value in given.items() if name not in {"before", "after", "open"}}
    for cursor in ("before", "after"):
        if cursor in given:
            values |= {f"{cursor}_{name}": value for name, value in given[cursor]._asdict().items()}
    query = _page(frozenset(given), page.open)
    found = [DeadLetterRow(*row) for row in await query.fetch(connection, **values)]
    return found[::-1] if page.before is not None and page.after is None else found


@cache
def _page(given: frozenset[str], only_open: bool | None) -> Query:
    """One query for each combination of filters; there are few."""
    table = dead_letters.c
    conditions = {
        "open": table.closed.is_(None) if only_open else table.closed.is_not(None),
        "product_id": products.c.product_id == bindparam("product_id"),
        "account": table.account == bindparam("account"),
        "cause": table.cause == bindparam("cause", type_=SmallInteger),
        "since": table.died_at >= bindparam("since", type_=BigInteger),
        "until": table.died_at < bindparam("until", type_=BigInteger),
        "before": _place > _cursor("before"),
        "after": _place < _cursor("after"),
    }
    wanted = [condition for name, condition in conditions.items() if name in given]
    upwards = "before" in given and "after" not in given
    columns = (table.died_at, table.partition, table.command_offset)
    order = [column.asc() if upwards else column.desc() for column in columns]
    return Query(_select().where(*wanted).order_by(*order).limit(bindparam("limit", type_=Integer)))


def _cursor(name: str) -> Tuple:
    return tuple_(
        bindparam(f"{name}_died_at", type_=BigInteger),
        bindparam(f"{name}_partition", type_=SmallInteger),
        bindparam(f"{name}_command_offset", type_=BigInteger),
    )


_AROUND: Final = """
SELECT event FROM order_events WHERE partition = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq
"""


async def events_around(connection: AnyConnection, row: DeadLetterRow, most: int) -> list[bytes]:
    """As they stand in the log, from so many before the death to so many after it."""
    rows = await connection.fetch(_AROUND, row.partition, row.seq - most, row.seq + most)
    return [each["event"] for each in rows]
