"""Simulated traders on an exchange of their own: seeded, bounded, and patient."""

import asyncio

import pytest

from libs.events.events import (
    CancelAllAfterArmed,
    OrderAmended,
    OrderReplenished,
    SelfTradePrevented,
    StopArmed,
    StopTriggered,
)
from libs.events.values import RejectReason
from sim import exchange as client
from sim import traders
from sim.exchange import Exchange, Unavailable
from sim.products import ensure_listed
from sim.traders import CHASERS, MAKERS, QUOTES, STOPS, Floor
from tests.unit.sim.venue import Venue

PRODUCT = "BTC-USD"


async def traded(venue: Venue, turns: int, seed: int) -> Floor:
    async with Exchange("http://venue", venue.transport) as exchange:
        await ensure_listed(exchange, PRODUCT)
        floor = Floor(exchange, [PRODUCT], seed, "run")
        await floor.clear()
        for _ in range(turns):
            await floor.turn()
        return floor


def test_the_market_moves_and_stays_bounded() -> None:
    venue = Venue()
    floor = asyncio.run(traded(venue, 800, 7))
    outcomes = venue.checked()
    (book,) = outcomes.books.values()
    assert book.trade_id > 100
    assert len(list(book.standing())) <= MAKERS * QUOTES + CHASERS * STOPS
    kinds = {type(event) for event in venue.events}
    assert kinds >= {
        StopArmed, StopTriggered, OrderReplenished, OrderAmended, SelfTradePrevented, CancelAllAfterArmed,
    }  # fmt: skip
    assert not outcomes.rejections
    assert set(outcomes.other_rejections) <= {RejectReason.ORDER_DONE, RejectReason.POST_ONLY}
    assert floor.asked == {3: len(venue.commands) - 1}
    prices = {trade[1] for trade in book.trades}
    assert len(prices) > 20


def test_a_seed_is_a_market() -> None:
    first, same, other = Venue(), Venue(), Venue()
    for venue, seed in ((first, 1), (same, 1), (other, 2)):
        asyncio.run(traded(venue, 60, seed))
    assert first.records() == same.records()
    assert first.records() != other.records()


def test_a_later_run_takes_back_what_an_earlier_one_left() -> None:
    venue = Venue()
    asyncio.run(traded(venue, 60, 1))
    assert next(iter(venue.checked().books.values())).owned
    asyncio.run(traded(venue, 0, 2))
    assert not next(iter(venue.checked().books.values())).owned


def test_they_wait_where_the_exchange_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(traders, "PATIENCE_S", 0.001)
    monkeypatch.setattr(client, "LONGEST_PAUSE_S", 0.0)
    venue = Venue(dict.fromkeys(range(1, 100_000), "503"))
    with pytest.raises(Unavailable):
        asyncio.run(traded(venue, 1, 1))

    async def scenario() -> Floor:
        async with Exchange("http://venue", venue.transport) as exchange:
            floor = Floor(exchange, [PRODUCT], 1, "run")
            work = asyncio.create_task(floor.trade(traders.MOST_RATE))
            async with asyncio.timeout(5):
                while not floor.trouble:
                    await asyncio.sleep(0)
            assert not work.done()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return floor

    assert "503" in asyncio.run(scenario()).trouble
