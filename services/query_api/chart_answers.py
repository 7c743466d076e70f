"""The answers to GET of candles and of what is made of them."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from libs.events.decimals import to_text
from libs.events.values import Product
from libs.read_model.candles import HOUR, MINUTE, NANOSECONDS, CandleRow
from libs.service.http import Scope
from libs.service.problems import INVALID_PARAMETER, Problem
from services.query_api.charts import Chart, charts, stats
from services.query_api.requests import Asked, asked
from services.query_api.sources import Answer, Sources, answer

_DAY_S: Final = 86_400
_MONTH_DAYS: Final = 30


class ChartAnswers:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def candles(self, scope: Scope, product_id: str) -> Answer:
        request = asked(scope, "granularity", "start", "end")
        granularity = request.given.granularity(MINUTE)
        start, end = self._range(request, granularity)
        await self._sources.follow(request)
        lives = self._sources.lives(product_id)
        await self._sources.project(request)
        found = await self._charts(lives, granularity, start, end)
        return answer([chart.text() for chart in found])

    async def stats(self, scope: Scope, product_id: str) -> Answer:
        request = asked(scope)
        await self._sources.follow(request)
        lives = self._sources.lives(product_id)
        await self._sources.project(request)
        now = self._sources.clock.now()
        day = await self._charts(lives, MINUTE, _since(now, MINUTE, _DAY_S), now)
        month = await self._charts(lives, HOUR, _since(now, HOUR, _DAY_S * _MONTH_DAYS), now)
        last, product = self._sources.live.ticker(lives[-1].number).last, lives[-1]
        price = to_text(last.price, product.price_scale) if last.time else None
        return answer(stats(day, month, price, product.size_scale))

    async def spark_lines(self, scope: Scope) -> Answer:
        """The hours of the last day, of all products that are listed."""
        request = asked(scope)
        await self._sources.follow(request)
        names = {product.number: product.product_id for product in self._sources.live.products()}
        await self._sources.project(request)
        now = self._sources.clock.now()
        rows = await self._sources.reads.candles(list(names), HOUR, _since(now, HOUR, _DAY_S), now)
        rows.sort(key=lambda row: (names[row.number], -row.time))
        found = {
            name: [chart.spark() for chart in charts(same)]
            for name, same in groupby(rows, lambda row: names[row.number])
        }
        return answer(found)

    async def _charts(self, lives: Sequence[Product], granularity: int, start: int, end: int) -> list[Chart]:
        rows: list[CandleRow] = await self._sources.reads.candles(
            [life.number for life in lives], granularity, start, end
        )
        return charts(rows)

    def _range(self, request: Asked, granularity: int) -> tuple[int, int]:
        """From when to when candles begin; without `start` as many as there may be."""
        length, most = granularity * NANOSECONDS, self._sources.settings.candles_limit
        start, end = request.given.time("start"), request.given.time("end")
        if end is None:
            end = self._sources.clock.now() if start is None else start + (most - 1) * length
        if start is None:
            start = max(0, end - end % length - (most - 1) * length)
        if end < start:
            raise Problem(INVALID_PARAMETER, "the end is before the start", "end")
        if end // length - -(-start // length) >= most:
            raise Problem(
                INVALID_PARAMETER,
                f"granularity too small for the requested time range: {most} candles at most",
                "granularity",
            )
        return start, end


def _since(now: int, granularity: int, seconds: int) -> int:
    """So long ago, from the beginning of that minute or hour."""
    since = now - seconds * NANOSECONDS
    return since - since % (granularity * NANOSECONDS)
