"""Candles: what was traded of a product in each minute, hour and so on, kept up by the projector with every trade.

So a chart, and what was traded in a day or in thirty, is read from a few rows, however many trades there were.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Integer, bindparam, func, select

from libs.read_model.compiled import Query
from libs.read_model.connect import AnyConnection
from libs.read_model.schema import candles, products

NANOSECONDS: Final = 1_000_000_000
MINUTE: Final = 60
HOUR: Final = 3_600
GRANULARITIES: Final = (MINUTE, 300, 900, HOUR, 21_600, 86_400)
"""Seconds."""


class CandleRow(NamedTuple):
    number: int
    time: int
    open: int
    high: int
    low: int
    close: int
    volume: Decimal
    value: Decimal
    price_scale: int
    size_scale: int


def _of_product() -> Query:
    scales = ("price_scale", "size_scale")
    columns = [products.c[name] if name in scales else candles.c[name] for name in CandleRow._fields]
    return Query(
        select(*columns)
        .select_from(candles.join(products, candles.c.number == products.c.number))
        .where(
            candles.c.number == func.any(bindparam("numbers", type_=ARRAY(Integer))),
            candles.c.granularity == bindparam("granularity", type_=Integer),
            candles.c.time >= bindparam("start", type_=BigInteger),
            candles.c.time <= bindparam("end", type_=BigInteger),
        )
        .order_by(candles.c.time.desc(), candles.c.number.desc())
    )


_OF_PRODUCT: Final = _of_product()
_FIRST_TRADE: Final = Query(
    select(candles.c.first_trade_id)
    .where(
        candles.c.number == bindparam("number", type_=Integer),
        candles.c.granularity == bindparam("granularity", type_=Integer),
        candles.c.time >= bindparam("start", type_=BigInteger),
    )
    .order_by(candles.c.time)
    .limit(1)
)


async def product_candles(
    connection: AnyConnection, numbers: Sequence[int], granularity: int, start: int, end: int
) -> list[CandleRow]:
    """Those that begin from `start` to `end`, newest first; one a time but where a product was listed anew within it."""
    rows = await _OF_PRODUCT.fetch(connection, numbers=numbers, granularity=granularity, start=start, end=end)
    return [CandleRow(*row) for row in rows]


async def first_trade_since(connection: AnyConnection, numbers: Sequence[int], time: int) -> int | None:
    """The first trade_id of the minute of a time, or of the next in which there was one."""
    start = time - time % (MINUTE * NANOSECONDS)
    found: list[int] = []
    for number in numbers:
        rows = await _FIRST_TRADE.fetch(connection, number=number, granularity=MINUTE, start=start)
        found += [row[0] for row in rows]
    return min(found, default=None)
