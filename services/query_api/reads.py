"""What is read from Postgres: whose it is, whether to wait for it, and where to find it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from libs.access.caller import Caller
from libs.events import ids
from libs.events.codec import decode_event
from libs.events.events import AnyEvent
from libs.read_model.archived import order_events
from libs.read_model.candles import CandleRow, first_trade_since, product_candles
from libs.read_model.connect import AnyConnection, Pool
from libs.read_model.holdings import HoldingRow, HoldRow, account_holdings, account_holds
from libs.read_model.lending import lent
from libs.read_model.orders import OrderRow, Page, order_by_client_oid, order_by_id, orders_page
from libs.read_model.trades import FillPage, FillRow, TradeRow, fills_page, trades_page
from libs.service.clock import NANOSECONDS, Clock
from libs.service.problems import ORDER_NOT_FOUND, Problem
from services.query_api.progress import Progress
from services.query_api.settings import QueryApiSettings

_MS: int = 1_000_000


class Found(NamedTuple):
    order: OrderRow
    events: list[AnyEvent]


class Reads:
    def __init__(self, pool: Pool, progress: Progress, clock: Clock, settings: QueryApiSettings) -> None:
        self._pool = pool
        self._progress = progress
        self._clock = clock
        self._settings = settings

    async def order(self, order_id: bytes, who: Caller) -> OrderRow:
        """Raises Problem where there is none, or it is another account's."""
        found = await self.known(order_id, who)
        waits_until = self._fresh_until(order_id)
        partition = ids.partition_of(ids.number_of(order_id))
        while found is None and (left := waits_until - self._clock.now()) > 0:
            if not await self._progress.change(partition, left / NANOSECONDS):
                break
            found = await self.known(order_id, who)
        if found is None:
            raise Problem(ORDER_NOT_FOUND)
        return found

    async def order_by_client_oid(self, account: str, client_oid: str, numbers: Sequence[int] | None) -> OrderRow:
        async with self._connection() as connection:
            found = await order_by_client_oid(connection, account, client_oid, numbers)
        if found is None:
            raise Problem(ORDER_NOT_FOUND)
        return found

    async def orders(self, page: Page) -> list[OrderRow]:
        async with self._connection() as connection:
            return await orders_page(connection, page)

    async def events(self, order_id: bytes, who: Caller, from_seq: int, limit: int) -> Found:
        order = await self.order(order_id, who)
        async with self._connection() as connection:
            found = await order_events(connection, order, from_seq, limit)
        return Found(order, [decode_event(event) for event in found])

    async def trades(self, numbers: Sequence[int], limit: int, before: int | None, after: int | None) -> list[TradeRow]:
        async with self._connection() as connection:
            return await trades_page(connection, numbers, limit, before, after)

    async def fills(self, page: FillPage) -> list[FillRow]:
        async with self._connection() as connection:
            return await fills_page(connection, page)

    async def candles(self, numbers: Sequence[int], granularity: int, start: int, end: int) -> list[CandleRow]:
        async with self._connection() as connection:
            return await product_candles(connection, numbers, granularity, start, end)

    async def holdings(self, account: str) -> list[HoldingRow]:
        async with self._connection() as connection:
            return await account_holdings(connection, account)

    async def balances(self, account: str) -> tuple[list[HoldingRow], list[HoldRow]]:
        """What was traded and what is held, of one moment."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await account_holdings(connection, account), await account_holds(connection, account)

    async def first_trade_since(self, numbers: Sequence[int], time: int) -> int | None:
        async with self._connection() as connection:
            return await first_trade_since(connection, numbers, time)

    async def trades_from(self, numbers: Sequence[int], trade_id: int, limit: int) -> list[TradeRow]:
        """Oldest first, from that one on."""
        async with self._connection() as connection:
            return (await trades_page(connection, numbers, limit, trade_id - 1, None))[::-1]

    async def known(self, order_id: bytes, who: Caller) -> OrderRow | None:
        """At once; None also of another account's."""
        async with self._connection() as connection:
            found = await order_by_id(connection, order_id)
        return found if found is not None and (who.operator or found.account == who.account) else None

    def _connection(self) -> AbstractAsyncContextManager[AnyConnection]:
        """For one answer. Raises Problem when Postgres is away."""
        return lent(self._pool, self._settings.query_timeout_ms / 1000)

    def _fresh_until(self, order_id: bytes) -> int:
        """Until when an id that is unknown may be on its way: it begins with the time it was minted at, in ms."""
        minted = int.from_bytes(order_id[:6], "big") * _MS
        fresh = self._settings.fresh_ms * _MS
        return minted + fresh if abs(self._clock.now() - minted) < fresh else 0
