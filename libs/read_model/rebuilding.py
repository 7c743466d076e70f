"""A projection beside the running one, in a schema of its own, and the transaction in which it takes the other's place.

Tables are moved between schemas, so nothing is copied, and whoever reads finds the old ones or the new ones, whole. The
running projector stands still from the moment its positions are locked, until the new ones have passed them: what a
reader has seen it never misses afterwards.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from libs.read_model.connect import Connection
from libs.read_model.database import Postgres
from libs.read_model.failures import StoreUnavailable, classified
from libs.read_model.positions import CHANNEL, Position, payload, read_positions
from libs.service.failures import Fatal, Transient

BESIDE: Final = "outcry_rebuild"
"""The schema in which a projection is built."""
BEFORE: Final = "outcry_before"
"""The schema that holds the old one between the swap and its end."""
_CLAIM: Final = 0x6F757463_7262
"""The advisory lock of who rebuilds; the number says "outcrb"."""

_TABLES: Final = """
SELECT c.relname, c.relispartition FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
_PARENT: Final = """
SELECT p.relname FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent
WHERE i.inhrelid = to_regclass($1 || '.' || quote_ident($2))
"""


class Claimed(Fatal):
    """Another process rebuilds."""


class NotYet(Transient):
    """The projection beside has not passed the running one, or a reader held a table for too long. Nothing has changed."""


@asynccontextmanager
async def claimed(address: str, command_timeout_s: float) -> AsyncIterator[Connection]:
    """A connection of the one process that rebuilds. What an earlier one left over of the old tables is dropped."""
    connection = await Postgres(address).connect("outcry-rebuild", command_timeout_s)
    try:
        with classified():
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _CLAIM):
                raise Claimed("another rebuild is running on this database: wait for its end")
            await connection.execute(f"DROP SCHEMA IF EXISTS {BEFORE} CASCADE")
        yield connection
    finally:
        connection.terminate()


async def prepare(connection: Connection, *, resumed: bool) -> None:
    """Have the schema, empty unless a rebuild that was interrupted is to be resumed."""
    with classified():
        if not resumed:
            await connection.execute(f"DROP SCHEMA IF EXISTS {BESIDE} CASCADE")
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {BESIDE}")


async def positions_beside(connection: Connection) -> dict[int, Position]:
    """Empty while there are no tables yet."""
    with classified():
        if not await connection.fetchval("SELECT to_regclass($1)", f"{BESIDE}.projection_offsets"):
            return {}
        return await read_positions(connection, BESIDE)


async def swap(
    connection: Connection, pass_them: Callable[[Mapping[int, Position]], Awaitable[None]], lock_s: float
) -> dict[int, Position]:
    """Put the projection beside in the place of the running one; the positions from which readers go on.

    `pass_them` is given the positions of the running one, which stands still meanwhile: it returns when the one beside has
    passed them and is written no more, or raises. Raises NotYet, and then nothing has changed.
    """
    try:
        with classified():
            async with connection.transaction():
                home = str(await connection.fetchval("SELECT quote_ident(current_schema())"))
                await connection.execute(f"SET LOCAL lock_timeout = {int(lock_s * 1000)}")
                await connection.execute(f"LOCK TABLE {home}.projection_offsets IN ACCESS EXCLUSIVE MODE")
                await pass_them(await read_positions(connection, home))
                await _check_version(connection, home)
                await connection.execute(f"CREATE SCHEMA {BEFORE}")
                await _move(connection, home)
                after = await read_positions(connection, home)
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload(after.values()))
    except StoreUnavailable as error:
        raise NotYet(str(error)) from error
    return after


async def tidy(connection: Connection) -> None:
    """Drop what is left over after a swap."""
    with classified():
        await connection.execute(f"DROP SCHEMA {BEFORE} CASCADE")
        await connection.execute(f"DROP SCHEMA {BESIDE} CASCADE")


async def _check_version(connection: Connection, home: str) -> None:
    beside, running = [
        await connection.fetchval(f"SELECT version_num FROM {schema}.alembic_version")  # noqa: S608  # our own names
        for schema in (BESIDE, home)
    ]
    if beside != running:
        raise Fatal(f"the tables beside are of revision {beside}, the running ones of {running}: rebuild them anew")


async def _move(connection: Connection, home: str) -> None:
    """Every table beside comes home; the one of its name, with its partitions, goes."""
    new = [row["relname"] for row in await connection.fetch(_TABLES, BESIDE)]
    for row in await connection.fetch(_TABLES, home):
        name = row["relname"]
        if name in new or (row["relispartition"] and await connection.fetchval(_PARENT, home, name) in new):
            await connection.execute(f'ALTER TABLE {home}."{name}" SET SCHEMA {BEFORE}')
    for name in new:
        await connection.execute(f'ALTER TABLE {BESIDE}."{name}" SET SCHEMA {home}')
