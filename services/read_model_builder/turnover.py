"""What the trades of a batch add to candles and holdings, and the two statements that add it.

A batch's trades of one product are in order. So a candle goes on where the table has it: it opens once, and closes with
the newest. Both statements are guarded by what they have added already, so that the same trades never count twice.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from libs.events.values import Side
from libs.read_model.candles import GRANULARITIES, MINUTE, NANOSECONDS
from services.read_model_builder.rows import Trade
from services.read_model_builder.statements import Columns, columns_of

ADD_CANDLES: Final = """
INSERT INTO candles AS t
    (number, granularity, time, open, high, low, close, first_trade_id, last_trade_id, volume, value)
SELECT * FROM unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::numeric[], $11::numeric[])
ON CONFLICT (number, granularity, time) DO UPDATE SET
    high = greatest(t.high, excluded.high), low = least(t.low, excluded.low), close = excluded.close,
    last_trade_id = excluded.last_trade_id, volume = t.volume + excluded.volume, value = t.value + excluded.value
WHERE t.last_trade_id < excluded.first_trade_id
"""

ADD_HOLDINGS: Final = """
INSERT INTO holdings AS t (account, number, trades, seq, bought, bought_value, sold, sold_value)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::numeric[], $6::numeric[], $7::numeric[],
    $8::numeric[])
ON CONFLICT (account, number) DO UPDATE SET
    trades = t.trades + excluded.trades, seq = excluded.seq, bought = t.bought + excluded.bought,
    bought_value = t.bought_value + excluded.bought_value, sold = t.sold + excluded.sold,
    sold_value = t.sold_value + excluded.sold_value
WHERE t.seq < excluded.seq
"""


class Candle(msgspec.Struct, gc=False):
    """What a batch traded of a product within one minute, or one of the longer times. `time` counts these."""

    number: int
    time: int
    open: int
    high: int
    low: int
    close: int
    first_trade_id: int
    last_trade_id: int
    volume: int = 0
    value: int = 0


class Holding(msgspec.Struct, gc=False):
    """What a batch adds to what an account traded of a product."""

    account: str
    number: int
    trades: int = 0
    seq: int = 0
    bought: int = 0
    bought_value: int = 0
    sold: int = 0
    sold_value: int = 0


def candle_columns(trades: Iterable[Trade]) -> Columns:
    """Of all granularities; the longer ones are made of the minutes."""
    minutes = _minutes(trades)
    rows: list[tuple[object, ...]] = []
    for granularity in GRANULARITIES:
        found = minutes if granularity == MINUTE else _longer(minutes, granularity // MINUTE)
        rows += (_candle_row(candle, granularity) for candle in found)
    return columns_of(rows)


def holding_columns(trades: Iterable[Trade]) -> Columns:
    found: dict[tuple[str, int], Holding] = {}
    for trade in trades:
        taker_buys = trade.taker_side == Side.BUY
        for account, buys in ((trade.maker_account, not taker_buys), (trade.taker_account, taker_buys)):
            holding = found.get((account, trade.number))
            if holding is None:
                holding = found[account, trade.number] = Holding(account, trade.number)
            holding.trades += 1
            holding.seq = trade.seq
            if buys:
                holding.bought += trade.size
                holding.bought_value += trade.price * trade.size
            else:
                holding.sold += trade.size
                holding.sold_value += trade.price * trade.size
    return columns_of(_holding_row(holding) for holding in found.values())


def _minutes(trades: Iterable[Trade]) -> Sequence[Candle]:
    length = MINUTE * NANOSECONDS
    found: dict[tuple[int, int], Candle] = {}
    for trade in trades:
        number, time, price, trade_id = trade.number, trade.time // length, trade.price, trade.trade_id
        candle = found.get((number, time))
        if candle is None:
            candle = found[number, time] = Candle(number, time, price, price, price, price, trade_id, trade_id)
        elif price > candle.high:
            candle.high = price
        elif price < candle.low:
            candle.low = price
        candle.close = price
        candle.last_trade_id = trade_id
        candle.volume += trade.size
        candle.value += price * trade.size
    return list(found.values())


def _longer(minutes: Sequence[Candle], times: int) -> Sequence[Candle]:
    """Candles of so many minutes each."""
    found: dict[tuple[int, int], Candle] = {}
    for minute in minutes:
        number, time = minute.number, minute.time // times
        candle = found.get((number, time))
        if candle is None:
            found[number, time] = msgspec.structs.replace(minute, time=time)
            continue
        candle.high = max(candle.high, minute.high)
        candle.low = min(candle.low, minute.low)
        candle.close = minute.close
        candle.last_trade_id = minute.last_trade_id
        candle.volume += minute.volume
        candle.value += minute.value
    return list(found.values())


def _candle_row(candle: Candle, granularity: int) -> tuple[object, ...]:
    return (
        candle.number,
        granularity,
        candle.time * granularity * NANOSECONDS,
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.first_trade_id,
        candle.last_trade_id,
        Decimal(candle.volume),
        Decimal(candle.value),
    )


def _holding_row(holding: Holding) -> tuple[object, ...]:
    return (
        holding.account,
        holding.number,
        holding.trades,
        holding.seq,
        Decimal(holding.bought),
        Decimal(holding.bought_value),
        Decimal(holding.sold),
        Decimal(holding.sold_value),
    )
