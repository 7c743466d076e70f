"""The answers to GET of market data: the request in, the body out. Routing is elsewhere."""

from libs.service.http import Scope
from services.query_api import views
from services.query_api.books import BookTexts
from services.query_api.parameters import one_cursor
from services.query_api.requests import asked
from services.query_api.sources import Answer, Sources, answer


class MarketAnswers:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._texts = BookTexts()

    async def products(self, scope: Scope) -> Answer:
        await self._sources.follow(asked(scope))
        return answer([views.product(given) for given in self._sources.live.products()])

    async def product(self, scope: Scope, product_id: str) -> Answer:
        await self._sources.follow(asked(scope))
        return answer(views.product(self._sources.lives(product_id)[-1]))

    async def book(self, scope: Scope, product_id: str) -> Answer:
        request = asked(scope, "level")
        level = request.given.level()
        await self._sources.follow(request)
        book = self._sources.book(product_id)
        time = self._sources.live.tails[book.product.partition].state.time
        return Answer(self._texts.of(book, level, time))

    async def ticker(self, scope: Scope, product_id: str) -> Answer:
        await self._sources.follow(asked(scope))
        book = self._sources.book(product_id)
        return answer(views.ticker(self._sources.live, book.product, self._sources.clock.now()))

    async def trades(self, scope: Scope, product_id: str) -> Answer:
        request = asked(scope, "limit", "before", "after")
        limit = self._sources.limit(request)
        before, after = one_cursor(request.given.number("before"), request.given.number("after"))
        await self._sources.follow(request)
        lives = self._sources.lives(product_id)
        await self._sources.project(request)
        rows = await self._sources.reads.trades([life.number for life in lives], limit, before, after)
        ends = (str(rows[0].trade_id), str(rows[-1].trade_id)) if rows else ("", "")
        return answer([views.trade(row) for row in rows], *ends)
