"""The answers to GET of orders, of what happened to them, and of fills: the request in, the body out."""

from typing import Final

from libs.events import ids
from libs.read_model.orders import STANDING, OrderRow, Page
from libs.read_model.status import Status
from libs.read_model.trades import FillCursor, FillPage
from libs.service.http import Scope
from libs.service.problems import INVALID_CURSOR, INVALID_PARAMETER, Problem
from services.query_api import views
from services.query_api.parameters import fill_cursor_text, one_cursor, parse_client_oid, parse_order_id
from services.query_api.requests import Asked, asked
from services.query_api.sources import Answer, Sources, answer

_CLIENT: Final = "client:"
_FINAL: Final = frozenset(Status) - STANDING


class OrderAnswers:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def orders(self, scope: Scope) -> Answer:
        request = asked(
            scope, "status", "product_id", "side", "account", "limit", "before", "after", "start_date", "end_date"
        )
        given = request.given
        page = Page(
            self._sources.limit(request),
            given.account(request.who),
            given.statuses(),
            None,
            given.side(),
            given.order_id("before", INVALID_CURSOR),
            given.order_id("after", INVALID_CURSOR),
            given.time("start_date"),
            given.time("end_date"),
        )
        numbers = await self._sources.numbers(request)
        await self._sources.project(request)
        rows = await self._sources.reads.orders(page._replace(numbers=numbers))
        ends = (str(rows[0].order_id), str(rows[-1].order_id)) if rows else ("", "")
        return answer([views.order(row) for row in rows], *ends)

    async def order(self, scope: Scope, name: str) -> Answer:
        """With `wait` as soon as something happens to it, unless it is final."""
        named = name.startswith(_CLIENT)
        request = asked(scope, "wait", "product_id", "account") if named else asked(scope, "wait")
        wait_s = request.given.seconds("wait", self._sources.settings.order_wait_ms // 1000)
        order = await (self._named(request, name) if named else self._by_id(request, name, wait_s or 0))
        if named and wait_s and order.status not in _FINAL:
            order = await self._changed(request, order.order_id.bytes, wait_s)
        return answer(views.order(order))

    async def events(self, scope: Scope, name: str) -> Answer:
        request = asked(scope, "limit", "from_seq")
        most = self._sources.settings.events_limit
        limit = request.given.limit(most, most)
        from_seq = request.given.number("from_seq") or 0
        order_id = parse_order_id(name, "order_id")
        await self._sources.project(request)
        order, events = await self._sources.reads.events(order_id, request.who, from_seq, limit)
        return answer([views.event(event, order, request.who) for event in events])

    async def fills(self, scope: Scope) -> Answer:
        request = asked(
            scope, "order_id", "product_id", "account", "limit", "before", "after", "start_date", "end_date"
        )
        given = request.given
        order_id = given.order_id("order_id")
        before, after = one_cursor(given.fill_cursor("before"), given.fill_cursor("after"))
        account = given.account(request.who)
        if account is None and order_id is None:
            raise Problem(INVALID_PARAMETER, "an operator names an account or an order", "account")
        page = FillPage(self._sources.limit(request), account or "", before=before, after=after)
        since, until = given.time("start_date") or page.since, given.time("end_date") or page.until
        numbers = await self._sources.numbers(request)
        await self._sources.project(request)
        if order_id is not None:
            order = await self._sources.reads.order(order_id, request.who)
            since, until = max(since, order.created), min(until, order.updated)
            page = page._replace(account=order.account, order_id=order_id)
        rows = await self._sources.reads.fills(page._replace(numbers=numbers, since=since, until=until))
        cursors = [fill_cursor_text(FillCursor(row.time, row.number, row.trade_id, row.liquidity)) for row in rows]
        return answer([views.fill(row) for row in rows], *((cursors[0], cursors[-1]) if rows else ()))

    async def _by_id(self, request: Asked, name: str, wait_s: int) -> OrderRow:
        order_id = parse_order_id(name, "order_id")
        if wait_s:
            return await self._changed(request, order_id, wait_s)
        await self._sources.project(request)
        return await self._sources.reads.order(order_id, request.who)

    async def _named(self, request: Asked, name: str) -> OrderRow:
        client_oid = parse_client_oid(name.removeprefix(_CLIENT), "client_oid")
        account = request.given.account(request.who) or request.who.account
        numbers = await self._sources.numbers(request)
        await self._sources.project(request)
        return await self._sources.reads.order_by_client_oid(account, client_oid, numbers)

    async def _changed(self, request: Asked, order_id: bytes, wait_s: int) -> OrderRow:
        """The order after the next command that touches it, or as it is when it is final, new here, or time is up.

        The watch is begun first, and Postgres waited for up to there: nothing can happen in between.
        """
        sources, partition = self._sources, ids.partition_of(ids.number_of(order_id))
        with sources.live.watches.watch(order_id) as watch:
            await sources.project(request)
            tail = sources.live.tails.get(partition)
            if tail is not None:
                await sources.projected.reach({partition: tail.state.command_offset}, sources.settings.wait_ms / 1000)
            known = await sources.reads.known(order_id, request.who)
            if known is None:
                return await sources.reads.order(order_id, request.who)
            if known.status in _FINAL:
                return known
            offset = await watch.change(wait_s)
            if offset is None:
                return known
            await sources.projected.reach({partition: offset}, sources.settings.wait_ms / 1000)
        return await sources.reads.order(order_id, request.who)
