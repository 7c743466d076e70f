"""What can go wrong with Postgres, classed by what the caller can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from libs.service.failures import Fatal, Transient

_PASSING: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection cut between two messages may leave asyncpg in no state at all
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # with its subclasses: no connections wanted, in use, locked
)
_NOT_MIGRATED: Final = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidCatalogNameError)


class StoreUnavailable(Transient):
    """Postgres is away, restarting, out of room, or not set up yet. What was in hand is rolled back or unknown."""


@contextmanager
def classified() -> Iterator[None]:
    """Turns what asyncpg raises into StoreUnavailable or Fatal."""
    try:
        yield
    except _PASSING as error:
        raise StoreUnavailable(f"Postgres is not available: {error!r}") from error
    except _NOT_MIGRATED as error:
        raise StoreUnavailable(f"Postgres is not set up: {error}") from error
    except asyncpg.PostgresError as error:
        raise Fatal(f"Postgres refuses: {error!r}") from error
