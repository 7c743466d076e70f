"""`GET /products/{id}/trades.ndjson`: the trades of a time, oldest first, one JSON object a line, as many as there are.

No more is in memory than what was read last, and no connection of the pool is held between two reads: a client that
reads slowly costs nothing but itself. A stream that cannot go on is broken off, never ended as if it were whole, and
`after`, the last trade_id that came, goes on where it was.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

import msgspec

from libs.read_model.trades import TradeRow
from libs.service.http import Receive, Scope, Send
from libs.service.problems import INVALID_PARAMETER, OVERLOADED, Problem
from services.query_api import views
from services.query_api.requests import asked
from services.query_api.sources import Sources

MEDIA_TYPE: Final = "application/x-ndjson"
_encoder: Final = msgspec.json.Encoder()


class BrokenOff(Exception):
    """A stream that has begun cannot go on."""


class _Wanted(NamedTuple):
    numbers: Sequence[int]
    first: int
    start: int
    end: int


async def _gone(receive: Receive) -> None:
    """Returns when the client has hung up: what is sent then goes nowhere, and no error says so."""
    while (await receive())["type"] != "http.disconnect":
        pass


class TradeStreams:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._streaming = 0

    async def send(self, product_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Problem while nothing is sent yet, BrokenOff afterwards."""
        if self._streaming >= self._sources.settings.streams:
            raise Problem(OVERLOADED, f"{self._streaming} streams of trades are open already")
        self._streaming += 1
        try:
            pages = self._pages(await self._wanted(scope, product_id))
            first = await anext(pages, None)
            headers = [(b"content-type", MEDIA_TYPE.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            gone = asyncio.create_task(_gone(receive))
            try:
                await self._send_pages(first, pages, send, gone)
            except Problem as problem:
                raise BrokenOff(str(problem)) from problem
            finally:
                gone.cancel()
        finally:
            self._streaming -= 1

    async def _send_pages(
        self,
        page: Sequence[TradeRow] | None,
        pages: AsyncIterator[Sequence[TradeRow]],
        send: Send,
        gone: asyncio.Task[None],
    ) -> None:
        while page and not gone.done():
            lines = _encoder.encode_lines([views.trade(row) for row in page])
            await send({"type": "http.response.body", "body": lines, "more_body": True})
            page = await anext(pages, None)
        await send({"type": "http.response.body", "body": b""})

    async def _wanted(self, scope: Scope, product_id: str) -> _Wanted:
        request = asked(scope, "start", "end", "after")
        start, end = request.given.time("start") or 0, request.given.time("end")
        after = request.given.number("after")
        if end is not None and end < start:
            raise Problem(INVALID_PARAMETER, "the end is before the start", "end")
        await self._sources.follow(request)
        numbers = [life.number for life in self._sources.lives(product_id)]
        await self._sources.project(request)
        first = 1 if after is None else after + 1
        if start:
            found = await self._sources.reads.first_trade_since(numbers, start)
            first = max(first, found) if found is not None else first
        return _Wanted(numbers, first, start, self._sources.clock.now() if end is None else end)

    async def _pages(self, wanted: _Wanted) -> AsyncIterator[Sequence[TradeRow]]:
        """Pages with something in them. Time never runs back from one trade of a product to the next."""
        numbers, next_id, start, end = wanted
        while rows := await self._sources.reads.trades_from(numbers, next_id, self._sources.settings.stream_rows):
            found = [row for row in rows if start <= row.time <= end]
            if found:
                yield found
            if rows[-1].time > end:
                return
            next_id = rows[-1].trade_id + 1
