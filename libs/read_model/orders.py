"""Orders as they are asked for: by id, by a client's own name, and page by page."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import ARRAY, UUID, BigInteger, ColumnElement, Integer, Select, SmallInteger, bindparam, func, select

from libs.events.values import RejectReason
from libs.read_model.compiled import Query, Rows
from libs.read_model.connect import AnyConnection, Uuid
from libs.read_model.schema import open_orders, orders, products
from libs.read_model.status import Status

STANDING: Final = frozenset((Status.PENDING, Status.OPEN, Status.ACTIVE))
"""What `open_orders` holds."""


class OrderRow(NamedTuple):
    """An order with what is needed of its product. The product's fields are null where the number is of none."""

    order_id: Uuid
    number: int
    account: str
    client_oid: str
    side: int | None
    type: int | None
    time_in_force: int | None
    post_only: bool
    price: int
    size: int
    remaining: int
    filled_size: int
    executed_value: Decimal
    funds: int
    status: int
    done_reason: int | None
    reject_reason: int | None
    first_order_id: Uuid | None
    replay_partition: int | None
    replay_offset: int | None
    created: int
    updated: int
    done_at: int | None
    first_seq: int
    seq: int
    displayed: int
    stop_price: int
    max_floor: int
    expire_time: int
    taken_off: int
    stp: int | None
    product_id: str | None
    price_scale: int | None
    size_scale: int | None


class Page(NamedTuple):
    """Which orders are wanted: newest first, between two cursors, which are ids and not included themselves."""

    limit: int
    account: str | None = None
    statuses: frozenset[Status] | None = None
    numbers: Sequence[int] | None = None
    side: int | None = None
    before: bytes | None = None
    """Only newer ones, and of those the oldest."""
    after: bytes | None = None
    """Only older ones."""
    since: int | None = None
    """Engine time of their acceptance, from here on, and up to there."""
    until: int | None = None


def _select() -> Select[OrderRow]:
    of_product = ("product_id", "price_scale", "size_scale")
    columns = [products.c[name] if name in of_product else orders.c[name] for name in OrderRow._fields]
    return select(*columns).select_from(orders.outerjoin(products, orders.c.number == products.c.number))


_BY_ID: Final = Query(_select().where(orders.c.order_id == bindparam("order_id", type_=UUID)))

_LATE_NS: Final = 600_000_000_000
"""An id begins with the time it was minted at: not longer before its order was decided than commands may be parked."""
_MS: Final = 1_000_000

_is_repeat: Final = func.coalesce(orders.c.reject_reason == RejectReason.DUPLICATE, False)
_BY_CLIENT_OID: Final = Query(
    _select()
    .where(
        orders.c.account == bindparam("account"),
        orders.c.client_oid == bindparam("client_oid"),
        orders.c.client_oid != "",
        bindparam("numbers", type_=ARRAY(Integer)).is_(None)
        | (orders.c.number == func.any(bindparam("numbers", type_=ARRAY(Integer)))),
    )
    .order_by(_is_repeat, orders.c.order_id.desc())
    .limit(1)
)
"""The newest; an order refused as a repeat comes after the one it repeats."""


async def order_by_id(connection: AnyConnection, order_id: bytes) -> OrderRow | None:
    return _one(await _BY_ID.fetch(connection, order_id=Uuid(order_id)))


async def order_by_client_oid(
    connection: AnyConnection, account: str, client_oid: str, numbers: Sequence[int] | None
) -> OrderRow | None:
    return _one(await _BY_CLIENT_OID.fetch(connection, account=account, client_oid=client_oid, numbers=numbers))


async def orders_page(connection: AnyConnection, page: Page) -> list[OrderRow]:
    """Newest first."""
    given = {name: value for name, value in page._asdict().items() if value is not None}
    for cursor in ("before", "after"):
        if cursor in given:
            given[cursor] = Uuid(given[cursor])
    if page.since is not None:
        given["least"] = _first_id(page.since - _LATE_NS)
    if page.until is not None:
        given["most"] = _first_id(page.until + _LATE_NS)
    only_standing = page.statuses is not None and page.statuses <= STANDING
    rows = await _page(frozenset(given), only_standing).fetch(connection, **given)
    found = [OrderRow(*row) for row in rows]
    return found[::-1] if page.before is not None and page.after is None else found


def _first_id(time: int) -> Uuid:
    """The least id that is minted at a time."""
    return Uuid((max(0, time) // _MS).to_bytes(6, "big") + bytes(10))


@cache
def _page(given: frozenset[str], only_standing: bool) -> Query:
    """One query for each combination of filters; there are few."""
    statement = _select()
    if only_standing:
        statement = statement.join(open_orders, open_orders.c.order_id == orders.c.order_id)
    key: ColumnElement[object] = open_orders.c.order_id if only_standing else orders.c.order_id
    owner = open_orders.c.account if only_standing else orders.c.account
    conditions = {
        "account": owner == bindparam("account"),
        "statuses": orders.c.status == func.any(bindparam("statuses", type_=ARRAY(SmallInteger))),
        "numbers": orders.c.number == func.any(bindparam("numbers", type_=ARRAY(Integer))),
        "side": orders.c.side == bindparam("side", type_=SmallInteger),
        "before": key > bindparam("before", type_=UUID),
        "after": key < bindparam("after", type_=UUID),
        "since": orders.c.created >= bindparam("since", type_=BigInteger),
        "until": orders.c.created <= bindparam("until", type_=BigInteger),
        "least": key >= bindparam("least", type_=UUID),
        "most": key <= bindparam("most", type_=UUID),
    }
    wanted = [condition for name, condition in conditions.items() if name in given]
    upwards = "before" in given and "after" not in given
    order = key.asc() if upwards else key.desc()
    return Query(statement.where(*wanted).order_by(order).limit(bindparam("limit", type_=Integer)))


def _one(rows: Rows) -> OrderRow | None:
    return OrderRow(*rows[0]) if rows else None
