"""The answers to each GET: the request in, the body out. Routing is elsewhere."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from libs.book.product import ProductBook
from libs.events.decimals import to_text
from libs.events.values import Product
from libs.read_model.orders import OrderRow, Page
from libs.read_model.trades import FillCursor, FillPage
from libs.service.clock import Clock
from libs.service.http import Scope
from libs.service.problems import INVALID_CURSOR, INVALID_PARAMETER, NOT_READY, PRODUCT_NOT_FOUND, Problem
from services.query_api import views
from services.query_api.books import BookTexts
from services.query_api.listener import Listener
from services.query_api.live import LiveBooks
from services.query_api.parameters import fill_cursor_text, parse_client_oid, parse_order_id
from services.query_api.progress import Progress
from services.query_api.reads import Reads
from services.query_api.requests import Asked, asked
from services.query_api.settings import QueryApiSettings
from services.query_api.texts import iso

_encoder = msgspec.json.Encoder()
_CLIENT = "client:"
_Cursor = TypeVar("_Cursor")


class Answer(NamedTuple):
    """A body, and the cursors of its first and last item where it is a page of something."""

    body: bytes
    before: str = ""
    after: str = ""


class Answers:
    def __init__(
        self,
        live: LiveBooks,
        reads: Reads,
        projected: Progress,
        followed: Progress,
        listener: Listener,
        clock: Clock,
        settings: QueryApiSettings,
    ) -> None:
        self._live = live
        self._reads = reads
        self._projected = projected
        self._followed = followed
        self._listener = listener
        self._clock = clock
        self._settings = settings
        self._texts = BookTexts()

    async def time(self, scope: Scope) -> Answer:
        asked(scope)
        now = self._clock.now()
        return _answer({"iso": iso(now), "epoch": to_text(now // 1_000, 6), "epoch_ns": now})

    async def positions(self, scope: Scope) -> Answer:
        asked(scope)
        return _answer(views.positions(self._live, self._listener.positions))

    async def products(self, scope: Scope) -> Answer:
        await self._follow(asked(scope))
        return _answer([views.product(given) for given in self._live.products()])

    async def product(self, scope: Scope, product_id: str) -> Answer:
        await self._follow(asked(scope))
        return _answer(views.product(self._lives(product_id)[-1]))

    async def book(self, scope: Scope, product_id: str) -> Answer:
        request = asked(scope, "level")
        level = request.given.level()
        await self._follow(request)
        book = self._book(product_id)
        time = self._live.tails[book.product.partition].state.time
        return Answer(self._texts.of(book, level, time))

    async def ticker(self, scope: Scope, product_id: str) -> Answer:
        await self._follow(asked(scope))
        book = self._book(product_id)
        return _answer(views.ticker(self._live, book.product, self._clock.now()))

    async def trades(self, scope: Scope, product_id: str) -> Answer:
        request = asked(scope, "limit", "before", "after")
        limit, (before, after) = (
            self._limit(request),
            _one_cursor(request.given.number("before"), request.given.number("after")),
        )
        await self._follow(request)
        lives = self._lives(product_id)
        await self._project(request)
        rows = await self._reads.trades([life.number for life in lives], limit, before, after)
        ends = (str(rows[0].trade_id), str(rows[-1].trade_id)) if rows else ("", "")
        return _answer([views.trade(row) for row in rows], *ends)

    async def orders(self, scope: Scope) -> Answer:
        request = asked(scope, "status", "product_id", "side", "account", "limit", "before", "after")
        given = request.given
        before, after = given.order_id("before", INVALID_CURSOR), given.order_id("after", INVALID_CURSOR)
        page = Page(
            self._limit(request),
            given.account(request.who),
            given.statuses(),
            None,
            given.side(),
            before,
            after,
        )
        numbers = await self._numbers(request)
        await self._project(request)
        rows = await self._reads.orders(page._replace(numbers=numbers))
        ends = (str(rows[0].order_id), str(rows[-1].order_id)) if rows else ("", "")
        return _answer([views.order(row) for row in rows], *ends)

    async def order(self, scope: Scope, name: str) -> Answer:
        return _answer(views.order(await self._order(scope, name)))

    async def events(self, scope: Scope, name: str) -> Answer:
        request = asked(scope, "limit", "from_seq")
        limit = request.given.limit(self._settings.events_limit, self._settings.events_limit)
        from_seq = request.given.number("from_seq") or 0
        order_id = parse_order_id(name, "order_id")
        await self._project(request)
        order, events = await self._reads.events(order_id, request.who, from_seq, limit)
        return _answer([views.event(event, order, request.who) for event in events])

    async def fills(self, scope: Scope) -> Answer:
        request = asked(scope, "order_id", "product_id", "account", "limit", "before", "after")
        given = request.given
        order_id = given.order_id("order_id")
        before, after = _one_cursor(given.fill_cursor("before"), given.fill_cursor("after"))
        account = given.account(request.who)
        if account is None and order_id is None:
            raise Problem(INVALID_PARAMETER, "an operator names an account or an order", "account")
        numbers = await self._numbers(request)
        await self._project(request)
        page = FillPage(self._limit(request), account or "", numbers, before=before, after=after)
        if order_id is not None:
            order = await self._reads.order(order_id, request.who)
            page = page._replace(account=order.account, order_id=order_id, since=order.created, until=order.updated)
        rows = await self._reads.fills(page)
        cursors = [fill_cursor_text(FillCursor(row.time, row.number, row.trade_id, row.liquidity)) for row in rows]
        return _answer([views.fill(row) for row in rows], *((cursors[0], cursors[-1]) if rows else ()))

    async def _order(self, scope: Scope, name: str) -> OrderRow:
        if not name.startswith(_CLIENT):
            request = asked(scope)
            order_id = parse_order_id(name, "order_id")
            await self._project(request)
            return await self._reads.order(order_id, request.who)
        request = asked(scope, "product_id", "account")
        client_oid = parse_client_oid(name.removeprefix(_CLIENT), "client_oid")
        account = request.given.account(request.who) or request.who.account
        numbers = await self._numbers(request)
        await self._project(request)
        return await self._reads.order_by_client_oid(account, client_oid, numbers)

    async def _numbers(self, request: Asked) -> list[int] | None:
        """The numbers of the product that is asked for, if one is."""
        product_id = request.given.text("product_id")
        if product_id is None:
            return None
        await self._follow(request)
        return [life.number for life in self._lives(product_id)]

    def _lives(self, product_id: str) -> Sequence[Product]:
        self._loaded()
        lives = self._live.lives(product_id)
        if not lives:
            raise Problem(PRODUCT_NOT_FOUND, field="product_id")
        return lives

    def _book(self, product_id: str) -> ProductBook:
        product = self._lives(product_id)[-1]
        stopped = self._live.tails[product.partition].stopped
        if stopped:
            raise Problem(NOT_READY, f"partition {product.partition} is stopped: {stopped}")
        book = self._live.book(product)
        if book is None:
            raise Problem(PRODUCT_NOT_FOUND, "the product is delisted", "product_id")
        return book

    def _loaded(self) -> None:
        if not self._live.loaded:
            raise Problem(NOT_READY, "the books are not loaded yet")

    def _limit(self, request: Asked) -> int:
        return request.given.limit(self._settings.page_default, self._settings.page_limit)

    async def _project(self, request: Asked) -> None:
        await self._projected.reach(request.wanted, self._settings.wait_ms / 1000)

    async def _follow(self, request: Asked) -> None:
        self._loaded()
        await self._followed.reach(request.wanted, self._settings.wait_ms / 1000)


def _answer(view: object, before: str = "", after: str = "") -> Answer:
    return Answer(_encoder.encode(view), before, after)


def _one_cursor(before: _Cursor | None, after: _Cursor | None) -> tuple[_Cursor | None, _Cursor | None]:
    if before is not None and after is not None:
        raise Problem(INVALID_CURSOR, "only one of before and after", "before")
    return before, after
