"""The projector's Postgres: a batch and the positions behind it become visible together, or not at all.

`synchronous_commit` is off on this connection, and that is right. A commit is then acknowledged before it is on the
disk; a crash of the server (not of a process) may lose the last fraction of a second of transactions, but whole ones
and from the newest backwards. The positions are in the same transactions, so what is lost is read from the log and
projected again: the truth is in `order-events`. Whoever has seen the lost state has seen nothing that was untrue, and
readers that wait for a position forget what they were told when their connection breaks, as it does in such a crash.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from libs.read_model.archive import day_of, ensure_days
from libs.read_model.connect import Connection, Uuid
from libs.read_model.database import Database
from libs.read_model.failures import StoreUnavailable, classified
from libs.read_model.positions import CHANNEL, Position, payload, read_positions
from libs.service.failures import Fatal, Transient
from services.read_model_builder import deaths, staging, turnover
from services.read_model_builder import statements as sql
from services.read_model_builder.changes import Changes
from services.read_model_builder.copying import ARCHIVE_COLUMNS, stream
from services.read_model_builder.intake import Piece
from services.read_model_builder.rows import NewOrder
from services.read_model_builder.statements import SELF_TRADE_COLUMNS, TRADE_COLUMNS

_ENSURE_OFFSETS: Final = """
INSERT INTO projection_offsets (partition, next_seq, next_offset, command_offset, time)
SELECT u, 1, 0, -1, 0 FROM unnest($1::smallint[]) AS u ON CONFLICT DO NOTHING
"""


class Superseded(Transient):
    """A position is not where this projector left it: another one was faster. Nothing was written."""


class Store:
    """One connection, one transaction at a time. `told`: whether readers are told of each."""

    def __init__(self, connection: Connection, days_ahead: int, *, told: bool = True) -> None:
        self._connection = connection
        self._told = told
        self._days_ahead = days_ahead
        self._days: set[int] = set()
        """Of the archive, that are known to be there."""

    async def positions(self, partitions: Sequence[int]) -> dict[int, Position]:
        """Where each partition goes on; those nobody has projected yet begin at the beginning."""
        with classified():
            await self._connection.execute(_ENSURE_OFFSETS, partitions)
            found = await read_positions(self._connection)
        return {partition: found[partition] for partition in partitions}

    async def commit(self, pieces: Sequence[Piece], changes: Changes, now: int) -> None:
        """Raises Superseded or StoreUnavailable, and then nothing of it is there, unless the answer got lost."""
        with classified():
            await self.prepare_days(changes.days, now)
            async with self._connection.transaction():
                await self._move(pieces)
                await self._write_orders(changes)
                await self._write_products(changes)
                await self._write_deaths(changes)
                await self._append(changes)
                if self._told:
                    after = payload(piece.after for piece in pieces)
                    await self._connection.execute("SELECT pg_notify($1, $2)", CHANNEL, after)

    async def prepare_days(self, days: Collection[int], now: int) -> None:
        """Have partitions of the archive for these days, for today and for some days after."""
        today = day_of(now)
        missing = {*days, *range(today, today + self._days_ahead + 1)} - self._days
        if missing:
            with classified():
                await ensure_days(self._connection, missing)
            self._days |= missing

    def check(self) -> None:
        """Raises StoreUnavailable when the connection is gone: what was acknowledged last may be gone with it."""
        if self._connection.is_closed():
            raise StoreUnavailable("the connection to Postgres is gone")

    async def close(self) -> None:
        with classified():
            await self._connection.close(timeout=2)

    async def _move(self, pieces: Sequence[Piece]) -> None:
        columns = sql.position_columns((piece.before, piece.after) for piece in pieces)
        moved = _count(await self._connection.execute(sql.MOVE_POSITIONS, *columns))
        if moved != len(pieces):
            raise Superseded(f"{len(pieces) - moved} of {len(pieces)} partitions were moved on by another projector")

    async def _write_orders(self, changes: Changes) -> None:
        if new := _inserted(changes):
            await self._copy("new_orders", staging.NEW_COLUMNS, staging.new_rows(new))
            await self._connection.execute(staging.INSERT_ORDERS)
            await self._connection.execute(staging.OPEN_ORDERS)
        if changes.awaited:
            ended = [Uuid(order_id) for order_id in changes.awaited if order_id]
            await self._connection.execute(staging.END_PENDING, ended)
        if old := changes.old:
            await self._copy("changed_orders", staging.CHANGE_COLUMNS, staging.change_rows(old.values()))
            changed = _count(await self._connection.execute(staging.UPDATE_ORDERS))
            if changed != len(old):
                raise Fatal(f"{len(old) - changed} of {len(old)} orders that events change are not there")
            await self._connection.execute(staging.CLOSE_ORDERS)

    async def _write_products(self, changes: Changes) -> None:
        if changes.products:
            await self._connection.execute(sql.UPDATE_PRODUCTS, *sql.product_columns(changes.products.values()))
        told = [changes.products[number] for number in sorted(changes.products) if changes.products[number].product]
        if told:
            await self._connection.executemany(sql.PUT_PRODUCT, [sql.product_row(change) for change in told])

    async def _write_deaths(self, changes: Changes) -> None:
        if changes.deaths:
            await self._connection.executemany(deaths.INSERT, [death.row for death in changes.deaths])
        if changes.closings:
            await self._connection.executemany(deaths.CLOSE, [deaths.closing_row(each) for each in changes.closings])

    async def _append(self, changes: Changes) -> None:
        if changes.trades:
            await self._connection.copy_records_to_table(
                "trades", records=map(sql.trade_row, changes.trades), columns=TRADE_COLUMNS
            )
            await self._connection.execute(turnover.ADD_CANDLES, *turnover.candle_columns(changes.trades))
            await self._connection.execute(turnover.ADD_HOLDINGS, *turnover.holding_columns(changes.trades))
        if changes.self_trades:
            rows = map(sql.self_trade_row, changes.self_trades)
            await self._connection.copy_records_to_table("self_trades", records=rows, columns=SELF_TRADE_COLUMNS)
        await self._copy("order_events", ARCHIVE_COLUMNS, changes.archive)

    async def _copy(self, table: str, columns: Sequence[str], rows: Sequence[bytes]) -> None:
        await self._connection.copy_to_table(table, source=stream(rows), columns=columns, format="binary")


_SETTINGS: Final = {
    "synchronous_commit": "off",
    # A plan is kept for as long as the connection, and the first is made when the tables are empty and reading all of
    # one is cheap. So only plans that stay good are allowed: look each row up by its index.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


@asynccontextmanager
async def open_store(
    database: Database, days_ahead: int, command_timeout_s: float, *, told: bool = True
) -> AsyncIterator[Store]:
    connection = await database.connect("outcry-projector", command_timeout_s, **_SETTINGS)
    try:
        with classified():
            for statement in staging.CREATE:
                await connection.execute(statement)
        yield Store(connection, days_ahead, told=told)
    finally:
        connection.terminate()


def _inserted(changes: Changes) -> list[NewOrder]:
    late = [
        order
        for order_id, order in changes.stale.items()
        if order_id not in changes.new and order_id not in changes.old
    ]
    return [*changes.new.values(), *late]


def _count(tag: str) -> int:
    """`UPDATE 3` is 3."""
    return int(tag.rpartition(" ")[2])
