"""The server and its connections.

One transaction writes at a time, as if rows were always contended; a reader has a moment, and waits for nobody. What a
client of a dead process left open is rolled back. A crash breaks every connection, and takes the newest commits with it
where they were not waited for, whole ones and from the newest backwards.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import asyncpg

from libs.read_model.connect import Connection, Uuid
from libs.read_model.failures import classified
from services.read_model_builder.statements import TRADE_COLUMNS
from tests.simulation.loop import LINE, Line
from tests.simulation.postgres import statements
from tests.simulation.postgres.copies import rows_of
from tests.simulation.postgres.tables import EMPTY, Draft, Moment, Record, Row

_KEPT_COMMITS: Final = 4
"""So many may be lost in a crash."""
_CREATE_DAY: Final = "CREATE TABLE order_events_"
_ATTACH_DAY: Final = "ALTER TABLE order_events ATTACH PARTITION "


async def _at_once() -> None:
    return


class Server:
    """A `libs.read_model.database.Database`. `hop` is what every statement waits for; `committed` is told of each commit."""

    def __init__(
        self, hop: Callable[[], Awaitable[None]] = _at_once, committed: Callable[[Moment], None] = lambda _moment: None
    ) -> None:
        self.moment: Moment = EMPTY
        self._hop = hop
        self._committed = committed
        self._before: deque[Moment] = deque(maxlen=_KEPT_COMMITS)
        self._sessions: list[Session] = []
        self._writer: Session | None = None
        self._waiting: deque[tuple[Session, asyncio.Future[None]]] = deque()

    async def connect(self, name: str, command_timeout_s: float, **settings: str) -> Connection:
        with classified():
            await self._hop()
        lossy = settings.get("synchronous_commit") == "off"
        session = Session(self, LINE.get(None), lossy=lossy)
        self._sessions.append(session)
        return cast("Connection", session)

    async def migrate(self) -> None:
        with classified():
            await self._hop()

    def crash(self, lost: int) -> None:
        """Up to so many commits, of those nobody waited for, are gone."""
        for session in list(self._sessions):
            session.terminate()
        for _ in range(min(lost, len(self._before))):
            self.moment = self._before.pop()

    def drop(self, line: Line) -> None:
        """A process is dead: its connections are closed by its machine."""
        for session in [each for each in self._sessions if each.line is line]:
            session.terminate()

    async def hop(self) -> None:
        await self._hop()

    async def lock(self, session: "Session") -> None:
        """Wait until nobody else writes."""
        if self._writer is None:
            self._writer = session
        elif self._writer is not session:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((session, turn))
            await turn
        if session.closed:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def unlock(self, session: "Session") -> None:
        if self._writer is not session:
            return
        self._writer = None
        while self._waiting and self._writer is None:
            waiter, turn = self._waiting.popleft()
            if not waiter.closed:
                self._writer = waiter
            if not turn.done():
                turn.set_result(None)

    def commit(self, draft: Draft, *, lossy: bool) -> None:
        if lossy:
            self._before.append(self.moment)
        else:
            self._before.clear()
        self.moment = draft.moment()
        self._committed(self.moment)

    def forget(self, session: "Session") -> None:
        if session in self._sessions:
            self._sessions.remove(session)
        self.unlock(session)


class Session:
    """What stands for one connection of asyncpg. A transaction that fails is rolled back by who began it."""

    def __init__(self, server: Server, line: Line | None, *, lossy: bool) -> None:
        self.line = line
        self.closed = False
        self._server = server
        self._lossy = lossy
        self._in_transaction = False
        self._draft: Draft | None = None
        self._view: Moment | None = None
        self._temporary: dict[str, list[Row]] = {}

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "read_committed", readonly: bool = False) -> AsyncIterator[None]:
        await self._ask()
        self._in_transaction = True
        self._view = self._server.moment if isolation == "repeatable_read" else None
        try:
            yield
            await self._ask()
            if self._draft is not None:
                self._server.commit(self._draft, lossy=self._lossy)
        finally:
            self._end()
        await self._ask()  # the answer may get lost

    async def execute(self, query: str, *args: Any) -> str:
        await self._ask()
        if query in statements.TEMPORARY:
            self._temporary[statements.TEMPORARY[query]] = []
            return "CREATE TABLE"
        if query == statements.NOTIFY:
            return "SELECT 1"
        count = await self._write(lambda draft: self._run(draft, query, args))
        return f"DONE {count}"

    async def executemany(self, query: str, many: Iterable[Sequence[Any]]) -> None:
        await self._ask()
        rows = list(many)
        await self._write(lambda draft: sum(self._run(draft, query, args) for args in rows))

    async def fetch(self, query: str, *args: Any) -> list[Record]:
        await self._ask()
        if query not in statements.READS:
            raise AssertionError(f"a statement that Postgres in memory does not know: {query}")
        return statements.READS[query](self._seen(), *args)

    async def fetchrow(self, query: str, *args: Any) -> Record | None:
        return next(iter(await self.fetch(query, *args)), None)

    async def fetchval(self, query: str, *args: Any) -> Any:
        row = await self.fetchrow(query, *args)
        return None if row is None else row[0]

    async def cursor(self, query: str, *args: Any, prefetch: int) -> AsyncIterator[Record]:
        for row in await self.fetch(query, *args):
            yield row

    async def copy_to_table(
        self,
        table: str,
        *,
        source: AsyncIterator[bytes],
        columns: Sequence[str],
        format: str,  # noqa: A002  # asyncpg's name
    ) -> None:
        assert format == "binary"
        rows = rows_of(b"".join([piece async for piece in source]), columns)
        await self._ask()
        if table in self._temporary:
            self._temporary[table] = rows
        else:
            await self._write(lambda draft: _archive(draft, table, rows))

    async def copy_records_to_table(
        self, table: str, *, records: Iterable[Sequence[Any]], columns: Sequence[str]
    ) -> None:
        assert table == "self_trades" or tuple(columns) == TRADE_COLUMNS
        rows = [dict(zip(columns, map(_plain, record), strict=True)) for record in records]
        await self._ask()
        await self._write(lambda draft: draft.insert(table, rows))

    def is_closed(self) -> bool:
        return self.closed

    async def close(self, *, timeout: float) -> None:
        self.terminate()

    def terminate(self) -> None:
        if not self.closed:
            self.closed = True
            self._draft = None
            self._server.forget(self)

    async def _ask(self) -> None:
        """A way to the server and back, in the course of which it may be gone."""
        self._check()
        await self._server.hop()
        self._check()

    def _check(self) -> None:
        if self.closed:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def _seen(self) -> Moment:
        if self._draft is not None:
            return self._draft.moment()
        return self._server.moment if self._view is None else self._view

    async def _write(self, change: Callable[[Draft], int]) -> int:
        if self._draft is None:
            await self._server.lock(self)
            self._draft = Draft(self._server.moment)
        try:
            count = change(self._draft)
            if not self._in_transaction:
                self._server.commit(self._draft, lossy=self._lossy)
        finally:
            if not self._in_transaction:
                self._end()
        return count

    def _end(self) -> None:
        self._in_transaction = False
        self._draft = None
        self._view = None
        self._temporary = {name: [] for name in self._temporary}
        self._server.unlock(self)

    def _run(self, draft: Draft, query: str, args: Sequence[Any]) -> int:
        if query in statements.STAGED:
            table, act = statements.STAGED[query]
            return act(draft, self._temporary[table])
        if query.startswith(_CREATE_DAY):
            return draft.insert("days", [{"name": query.removeprefix("CREATE TABLE ").split()[0]}])
        if query.startswith(_ATTACH_DAY):
            return 0
        if query not in statements.WRITES:
            raise AssertionError(f"a statement that Postgres in memory does not know: {query}")
        return statements.WRITES[query](draft, *args)


def _archive(draft: Draft, table: str, rows: list[Row]) -> int:
    if rows and not draft.rows("days"):
        raise asyncpg.CheckViolationError(f'no partition of relation "{table}" found for row')
    return draft.insert(table, rows)


def _plain(value: object) -> object:
    return value.bytes if isinstance(value, Uuid) else value
