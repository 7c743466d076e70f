"""A client that rebuilds the books from the feed while traders trade, for seconds; `python -m sim follow` does it for long."""

import asyncio
import io

import pytest

from sim.exchange import Exchange
from sim.following import Wanted, follow
from sim.live import Live
from tests.e2e.stack import Stack

SECONDS = 5.0
RATE = 400.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_books_rebuilt_from_the_feed_end_as_rest_shows_them(stack: Stack) -> None:
    async def scenario() -> None:
        async with Exchange(stack.url) as exchange:
            seen = await follow(exchange, Wanted(SECONDS, 1, RATE, ("FEED1-USD", "FEED2-USD")), Live(io.StringIO()))
        assert min(seen.orders, seen.changes, seen.facts, seen.trades) > 0
        assert seen.checksums >= seen.changes

    asyncio.run(scenario())
