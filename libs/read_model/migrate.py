"""Brings the tables up to this version of the code, once, however many processes start at the same time."""

from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from libs.read_model.connect import Connection as DriverConnection

_LOCK: Final = 0x6F757463_7279
"""The advisory lock that migrations hold; the number says "outcry"."""
_CONFIG: Final = Path(__file__).parent / "alembic.ini"


def engine(address: str, **settings: str) -> AsyncEngine:
    """An engine on a URL that asyncpg takes as it is: what SQLAlchemy cannot read of it (a socket's path) stays whole."""

    async def connect() -> DriverConnection:
        return await asyncpg.connect(address, server_settings=settings)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


async def migrate(address: str, **settings: str) -> None:
    """Upgrade to the newest revision, in one transaction. Waits for whoever is at it. Raises what asyncpg raises."""
    made = engine(address, **settings)
    try:
        async with made.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade)
    except DBAPIError as error:
        wrapped = error.orig
        raise (wrapped.__cause__ if wrapped is not None else None) or error from None
    finally:
        await made.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config(_CONFIG)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
