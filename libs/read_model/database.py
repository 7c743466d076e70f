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
    """Of a server; with `schema`, nothing but that schema of it, which must be there."""

    def __init__(self, address: str, schema: str = "") -> None:
        self._address = address
        self._path = {"search_path": schema} if schema else {}

    async def connect(self, name: str, command_timeout_s: float, **settings: str) -> Connection:
        return await connect(self._address, name, command_timeout_s, **self._path, **settings)

    async def migrate(self) -> None:
        await migrate(self._address, **self._path)
