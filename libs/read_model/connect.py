"""Connections to Postgres, with time limits on everything."""

from typing import Final, TypeAlias

import asyncpg
from asyncpg.pgproto.pgproto import UUID as Uuid  # noqa: N811  # SQLAlchemy's type has the name UUID
from asyncpg.pool import PoolConnectionProxy

from libs.read_model.failures import classified

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
AnyConnection: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"
"""What a query runs on: a connection of one's own, or one lent by a pool."""
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECT_TIMEOUT_S: Final = 5.0

__all__ = ["CONNECT_TIMEOUT_S", "AnyConnection", "Connection", "Pool", "Uuid", "connect", "create_pool"]


async def connect(address: str, name: str, command_timeout_s: float, **settings: str) -> Connection:
    """One connection, known to Postgres by `name`. Raises StoreUnavailable."""
    with classified():
        return await asyncpg.connect(
            address,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=command_timeout_s,
            server_settings={"application_name": name, **settings},
        )


def create_pool(address: str, name: str, size: int, command_timeout_s: float) -> Pool:
    """To be awaited before use. Connections are made as they are needed, `size` at most: Postgres may be away."""
    return asyncpg.create_pool(
        address,
        min_size=0,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=command_timeout_s,
        server_settings={"application_name": name},
    )
