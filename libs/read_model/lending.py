"""A connection of a pool for one answer; a store that is away is a problem of the request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.read_model.connect import AnyConnection, Pool
from libs.read_model.failures import StoreUnavailable, classified
from libs.service.problems import DEPENDENCY_AWAY, Problem


@asynccontextmanager
async def lent(pool: Pool, timeout_s: float) -> AsyncIterator[AnyConnection]:
    """Raises Problem when there is none in time."""
    try:
        with classified():
            async with pool.acquire(timeout=timeout_s) as connection:
                yield connection
    except StoreUnavailable as failure:
        raise Problem(DEPENDENCY_AWAY, str(failure)) from failure
