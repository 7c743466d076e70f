"""Queries built with SQLAlchemy Core, compiled once, run by asyncpg itself.

So a query is written against the tables' definitions, and running it costs no more than its text would.
"""

from typing import Final, TypeAlias

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.sql import ClauseElement

from libs.read_model.connect import AnyConnection

_dialect: Final = dialects.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it without types
Rows: TypeAlias = "list[asyncpg.Record]"


class Query:
    """The text of a statement and the order of its parameters."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_dialect)
        self.text = str(compiled)
        names = getattr(compiled, "positiontup", None) or []
        self._names = [str(name) for name in names]
        self._fixed = dict(compiled.params)

    async def fetch(self, connection: AnyConnection, **values: object) -> Rows:
        """All rows. `values` are the named parameters; what the statement holds as a constant stays."""
        given = self._fixed | values
        return await connection.fetch(self.text, *(given[name] for name in self._names))
