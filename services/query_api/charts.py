"""Candles and statistics as texts: rows of one or more lives of a product in, one candle a time out.

A product that was delisted and listed anew within the time of a candle has two rows for it, perhaps with other scales.
They become one, at the finer scales, which is exact.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from libs.events.decimals import to_text
from libs.read_model.candles import NANOSECONDS, CandleRow
from services.query_api.shapes import CandleShape, SparkShape, Stats


class Chart(NamedTuple):
    """One candle, at scales of its own."""

    seconds: int
    low: int
    high: int
    open: int
    close: int
    volume: int
    prices: int
    sizes: int

    def text(self) -> CandleShape:
        low, high, began, ended = (to_text(each, self.prices) for each in self[1:5])
        return self.seconds, low, high, began, ended, to_text(self.volume, self.sizes)

    def spark(self) -> SparkShape:
        return self.text()[:5]


def charts(rows: Iterable[CandleRow]) -> list[Chart]:
    """Rows newest first, of one time the newest life first; so is what comes of them, one a time."""
    return [_merged(list(same)) for _, same in groupby(rows, lambda row: row.time)]


def stats(day: Sequence[Chart], month: Sequence[Chart], last: str | None, sizes: int) -> Stats:
    """Of the candles of a day, and those of thirty, newest first. `sizes` is the scale where nothing was traded."""
    whole = _total(day) if day else None
    volume = to_text(whole.volume, whole.sizes) if whole else to_text(0, sizes)
    long = _total(month) if month else None
    return Stats(
        to_text(whole.open, whole.prices) if whole else None,
        to_text(whole.high, whole.prices) if whole else None,
        to_text(whole.low, whole.prices) if whole else None,
        last,
        volume,
        to_text(long.volume, long.sizes) if long else volume,
    )


def _merged(rows: Sequence[CandleRow]) -> Chart:
    found = [
        Chart(
            row.time // NANOSECONDS, row.low, row.high, row.open, row.close, int(row.volume), row.price_scale,
            row.size_scale,
        )
        for row in rows
    ]  # fmt: skip
    return found[0] if len(found) == 1 else _total(found)


def _total(found: Sequence[Chart]) -> Chart:
    """All of them as one; the first is the newest."""
    prices, sizes = max(each.prices for each in found), max(each.sizes for each in found)
    same = [_scaled(each, prices, sizes) for each in found]
    return Chart(
        same[-1].seconds,
        min(each.low for each in same),
        max(each.high for each in same),
        same[-1].open,
        same[0].close,
        sum(each.volume for each in same),
        prices,
        sizes,
    )


def _scaled(given: Chart, prices: int, sizes: int) -> Chart:
    by = 10 ** (prices - given.prices)
    volume = given.volume * 10 ** (sizes - given.sizes)
    low, high, began, ended = (each * by for each in given[1:5])
    return Chart(given.seconds, low, high, began, ended, volume, prices, sizes)
