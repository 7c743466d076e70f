"""Where connections come from, and who brings the tables up to date: a server, or whatever a simulation puts there."""

from typing import Protocol

from libs.read_model.connect import Connection, connect
from libs.read_model.migrate import migrate


class Database(Protocol):
    async def connect(self, name: str, command_timeout_s: float, **settings: str) -> Connection:
        """One connection, known by `name`. Raises StoreUnavailable."""
        ...

    async def migrate(self) -> None:
        """Have the tables of this version. Raises what asyncpg raises."""
        ...


class Postgres:
    def __init__(self, address: str) -> None:
        self._address = address

    async def connect(self, name: str, command_timeout_s: float, **settings: str) -> Connection:
        return await connect(self._address, name, command_timeout_s, **settings)

    async def migrate(self) -> None:
        await migrate(self._address)
