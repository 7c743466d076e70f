"""Trades of a product, and the fills of an account: a trade seen from one of its sides."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import (
    ARRAY,
    UUID,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from libs.read_model.compiled import Query
from libs.read_model.connect import AnyConnection, Uuid
from libs.read_model.schema import products, trades

MAKER: Final = 0
TAKER: Final = 1
"""Of a trade with oneself the taker's fill counts as the later one."""


class TradeRow(NamedTuple):
    number: int
    taker_side: int
    trade_id: int
    time: int
    price: int
    size: int
    product_id: str
    price_scale: int
    size_scale: int


class FillRow(NamedTuple):
    number: int
    taker_side: int
    trade_id: int
    time: int
    price: int
    size: int
    order_id: Uuid
    account: str
    liquidity: int
    product_id: str
    price_scale: int
    size_scale: int


class FillCursor(NamedTuple):
    time: int
    number: int
    trade_id: int
    liquidity: int


class FillPage(NamedTuple):
    """Fills of one account, newest first."""

    limit: int
    account: str
    numbers: Sequence[int] | None = None
    order_id: bytes | None = None
    since: int = 0
    """Engine time from which on to look; with the end it bounds the search for the fills of one order."""
    until: int = 2**63 - 1
    before: FillCursor | None = None
    after: FillCursor | None = None


@cache
def _trades_page(upwards: bool, bounded: bool) -> Query:
    columns = [
        products.c[name] if name in products.c and name not in trades.c else trades.c[name] for name in TradeRow._fields
    ]
    statement = select(*columns).select_from(trades.join(products, trades.c.number == products.c.number))
    cursor = bindparam("cursor", type_=BigInteger)
    conditions: list[ColumnElement[bool]] = [trades.c.number == func.any(bindparam("numbers", type_=ARRAY(Integer)))]
    if bounded:
        conditions.append(trades.c.trade_id > cursor if upwards else trades.c.trade_id < cursor)
    order = trades.c.trade_id.asc() if upwards else trades.c.trade_id.desc()
    return Query(statement.where(*conditions).order_by(order).limit(bindparam("limit", type_=Integer)))


async def trades_page(
    connection: AnyConnection, numbers: Sequence[int], limit: int, before: int | None, after: int | None
) -> list[TradeRow]:
    """Newest first; only those after (in time) the trade `before`, or before the trade `after`."""
    upwards = before is not None
    cursor = before if upwards else after
    query = _trades_page(upwards, cursor is not None)
    rows = await query.fetch(connection, numbers=numbers, limit=limit, **({} if cursor is None else {"cursor": cursor}))
    found = [TradeRow(*row) for row in rows]
    return found[::-1] if upwards else found


async def fills_page(connection: AnyConnection, page: FillPage) -> list[FillRow]:
    given: dict[str, object] = {
        "limit": page.limit,
        "account": page.account,
        "since": page.since,
        "until": page.until,
    }
    if page.numbers is not None:
        given["numbers"] = page.numbers
    if page.order_id is not None:
        given["order_id"] = Uuid(page.order_id)
    upwards = page.before is not None
    cursor = page.before if upwards else page.after
    if cursor is not None:
        given |= cursor._asdict()
    rows = await _fills_page(upwards, frozenset(given)).fetch(connection, **given)
    found = [FillRow(*row) for row in rows]
    return found[::-1] if upwards else found


@cache
def _fills_page(upwards: bool, given: frozenset[str]) -> Query:
    sides = union_all(_side(MAKER, upwards, given), _side(TAKER, upwards, given)).subquery()
    key = [sides.c[name] for name in ("time", "number", "trade_id", "liquidity")]
    columns = [products.c[name] if name not in sides.c else sides.c[name] for name in FillRow._fields]
    return Query(
        select(*columns)
        .select_from(sides.join(products, sides.c.number == products.c.number))
        .order_by(*(column.asc() if upwards else column.desc() for column in key))
        .limit(bindparam("limit", type_=Integer))
    )


def _side(liquidity: int, upwards: bool, given: frozenset[str]) -> Select[tuple[object, ...]]:
    """The fills of makers, or of takers, each by its own index, and no more than a page of them."""
    account = trades.c.taker_account if liquidity else trades.c.maker_account
    order_id = trades.c.taker_order_id if liquidity else trades.c.maker_order_id
    key = (trades.c.time, trades.c.number, trades.c.trade_id)
    conditions: list[ColumnElement[bool]] = [
        account == bindparam("account"),
        trades.c.time >= bindparam("since", type_=BigInteger),
        trades.c.time <= bindparam("until", type_=BigInteger),
    ]
    if "numbers" in given:
        conditions.append(trades.c.number == func.any(bindparam("numbers", type_=ARRAY(Integer))))
    if "order_id" in given:
        conditions.append(order_id == bindparam("order_id", type_=UUID))
    if "trade_id" in given:
        conditions.append(_beyond(liquidity, upwards))
    limited = select(
        *(trades.c[name] for name in ("number", "taker_side", "trade_id", "time", "price", "size")),
        order_id.label("order_id"),
        account.label("account"),
        literal(liquidity, SmallInteger).label("liquidity"),
    ).where(*conditions)
    limited = limited.order_by(*(column.asc() if upwards else column.desc() for column in key))
    return select(limited.limit(bindparam("limit", type_=Integer)).subquery())


def _beyond(liquidity: int, upwards: bool) -> ColumnElement[bool]:
    """Behind the cursor. Both fills of a trade with oneself have one key; the liquidity decides between them."""
    key = tuple_(trades.c.time, trades.c.number, trades.c.trade_id)
    time, number = bindparam("time", type_=BigInteger), bindparam("number", type_=Integer)
    trade_id = bindparam("trade_id", type_=BigInteger)
    at = bindparam("liquidity", type_=SmallInteger)
    if upwards:
        return key > tuple_(time, number, trade_id - (1 - at) if liquidity else trade_id)
    return key < tuple_(time, number, trade_id if liquidity else trade_id + at)


_VOLUME: Final = Query(
    select(
        trades.c.number,
        (trades.c.time // bindparam("bucket", type_=BigInteger)).label("bucket"),
        func.sum(trades.c.size),
    )
    .where(trades.c.time >= bindparam("since", type_=BigInteger))
    .group_by(trades.c.number, "bucket")
)


async def volumes(connection: AnyConnection, since: int, bucket: int) -> list[tuple[int, int, int]]:
    """(product number, time // bucket, size traded) of the time since."""
    rows = await _VOLUME.fetch(connection, since=since, bucket=bucket)
    return [(row[0], row[1], int(row[2])) for row in rows]
