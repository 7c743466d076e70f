"""What a moving line says of the market: asked of the API beside the traffic, so it is late or absent when that is."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sim.exchange import Exchange, Refused, Ticker, Unavailable

LOOK_EVERY_S: Final = 1.0


class Market:
    """Trades of all products, best prices of the first, and how many commands the read side has still to show."""

    def __init__(self, exchange: Exchange, products: Sequence[str], asked: Callable[[], Mapping[int, int]]) -> None:
        """`asked` tells the last offset that was answered, by partition."""
        self._exchange = exchange
        self._products = products
        self._asked = asked
        self._tickers: dict[str, Ticker] = {}
        self._behind: int | None = None
        self._reachable = True

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
                self._reachable = True
            except (Unavailable, Refused):
                self._reachable = False
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        asked = self._asked()
        known = await self._exchange.positions()
        self._behind = sum(max(0, last - known.get(partition, -1)) for partition, last in asked.items())
        for product in self._products:
            self._tickers[product] = await self._exchange.ticker(product)

    def line(self, rate: float) -> str:
        """`1,204 trades | bid 78318.00 ask 78319.00 | read side 0.1 s behind`; `rate` is commands a second."""
        trades = sum(int(ticker.trade_id or 0) for ticker in self._tickers.values())
        first = self._tickers.get(self._products[0], Ticker())
        return f"{trades:,} trades | bid {first.bid or '-'} ask {first.ask or '-'} | {self._distance(rate)}"

    def _distance(self, rate: float) -> str:
        if not self._reachable:
            return "no answer, trying again"
        if self._behind is None:
            return "read side: asking"
        if not self._behind or rate <= 0:
            return "read side up to date" if not self._behind else f"read side {self._behind:,} behind"
        return f"read side {self._behind / rate:.1f} s behind"
