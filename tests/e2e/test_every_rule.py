"""Every family of rules through HTTP on the real exchange: what a client sends, and what it then sees.

At the end `sim.check`, which shares no code with the services, compares commands, events, Postgres and the books, and
every command is decided again: also those that the workers wrote themselves, because something was due.
All tests share one run of the exchange; each lists a product of its own.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli.audit.run import Wanted, audit
from cli.start import Start
from libs.kafka.adapter import KafkaLog
from sim.check.run import check
from sim.exchange import Exchange
from sim.live import Live
from sim.products import ensure_listed
from sim.traders import Floor
from tests.e2e.stack import Stack
from tests.e2e.venue import Venue

Open = Callable[..., Venue]
TURNS = 150
EVERYTHING = Wanted((), Start(word="earliest"), Start(word="latest"))
OUTCOME = ("status", "done_reason", "filled_size", "remaining_size")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


@pytest.fixture
def opened(stack: Stack) -> Iterator[Open]:
    """Lists a product with these limits."""
    venues = []

    def list_product(**limits: object) -> Venue:
        venues.append(Venue(stack.addresses.url, **limits))
        return venues[-1]

    yield list_product
    for venue in venues:
        venue.close()


def test_a_stop_waits_unseen_and_fires_as_a_market_order(opened: Open) -> None:
    venue = opened()
    venue.trade_at("100.00")
    first = venue.place("dan", "buy", "1", "94.00")
    venue.place("dan", "buy", "5", "93.00")
    stop = venue.place("cat", "sell", "2", type="stop", stop="loss", stop_price="95.00")
    assert venue.shown("cat", stop, "status", "type", "stop", "stop_price") == ("active", "market", "loss", "95.00")
    assert venue.orders("cat", "&status=active") == [stop]
    assert venue.queue("asks") == []
    venue.place("eve", "sell", "1", "94.00")
    assert venue.shown("dan", first, *OUTCOME) == ("done", "filled", "1.000", "0.000")
    assert venue.shown("cat", stop, *OUTCOME, "executed_value") == ("done", "filled", "2.000", "0.000", "186.00000")
    assert venue.events("cat", stop) == ["OrderAccepted", "StopArmed", "StopTriggered", "TradeExecuted", "OrderDone"]


def test_a_stop_limit_fires_and_rests(opened: Open) -> None:
    venue = opened()
    venue.trade_at("100.00")
    stop = venue.place("cat", "buy", "2", "106.00", type="stop_limit", stop="entry", stop_price="105.00")
    assert venue.shown("cat", stop, "status", "type", "stop") == ("active", "limit", "entry")
    assert venue.queue("bids") == []
    venue.trade_at("105.00")
    assert venue.shown("cat", stop, "status", "stop_price", "price") == ("open", "105.00", "106.00")
    assert venue.queue("bids") == [("106.00", "2.000", stop)]
    through = venue.place("cat", "sell", "1", "110.00", type="stop_limit", stop_price="105.00")
    assert venue.events("cat", through) == ["OrderAccepted", "StopTriggered", "OrderRested"]


def test_a_stop_is_cancelled_before_it_fires(opened: Open) -> None:
    venue = opened()
    venue.trade_at("100.00")
    stop = venue.place("cat", "buy", "2", type="stop", stop_price="105.00")
    venue.cancel("cat", stop)
    assert venue.shown("cat", stop, "status", "done_reason") == ("done", "canceled")
    venue.trade_at("106.00")
    assert venue.orders("cat") == []


def test_an_iceberg_shows_a_slice_at_a_time(opened: Open) -> None:
    venue = opened()
    iceberg = venue.place("ann", "sell", "9", "100.00", max_floor="3")
    other = venue.place("bob", "sell", "2", "100.00")
    assert venue.levels("asks") == [("100.00", "5.000", 2)]
    venue.place("cat", "buy", "4", "100.00")
    assert venue.queue("asks") == [("100.00", "1.000", other), ("100.00", "3.000", iceberg)]
    hidden = ("max_floor", "remaining_size", "displayed_size", "filled_size")
    assert venue.shown("ann", iceberg, *hidden) == ("3.000", "6.000", "3.000", "3.000")
    assert "OrderReplenished" in venue.events("ann", iceberg)
    venue.place("cat", "buy", "7", "100.00")
    assert venue.shown("ann", iceberg, *OUTCOME) == ("done", "filled", "9.000", "0.000")
    assert venue.queue("asks") == []


def test_an_order_expires_with_no_command_to_tell_the_time(opened: Open) -> None:
    venue = opened()
    expire_time = (datetime.now(UTC) + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    order = venue.place("ann", "sell", "1", "100.00", time_in_force="GTD", expire_time=expire_time)
    stop = venue.place("ann", "buy", "1", "99.00", stop_price="99.00", time_in_force="GTD", expire_time=expire_time)
    later = venue.place("ann", "sell", "1", "101.00", time_in_force="GTT", cancel_after="hour")
    assert venue.shown("ann", order, "status", "time_in_force") == ("open", "GTD")
    venue.until(lambda: venue.orders("ann") == [later], "two orders expire")
    for expired in (order, stop):
        status, reason, ended, wanted = venue.shown("ann", expired, "status", "done_reason", "done_at", "expire_time")
        assert (status, reason) == ("done", "expired")
        assert str(ended) >= str(wanted)[:23]
    assert venue.queue("asks") == [("101.00", "1.000", later)]


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("dc", ("open", None, "0.000", "2.000", "3.000"), ("done", "self_trade", "0.000", "0.000", "3.000")),
        ("co", ("done", "self_trade", "0.000", "5.000", None), ("open", None, "0.000", "3.000", None)),
        ("cn", ("open", None, "0.000", "5.000", None), ("done", "self_trade", "0.000", "3.000", None)),
        ("cb", ("done", "self_trade", "0.000", "5.000", None), ("done", "self_trade", "0.000", "3.000", None)),
    ],
)
def test_an_account_never_trades_with_itself(opened: Open, mode: str, maker: object, taker: object) -> None:
    venue = opened()
    resting = venue.place("ann", "sell", "5", "100.00")
    meeting = venue.place("ann", "buy", "3", "100.00", stp=mode)
    assert venue.shown("ann", meeting, "stp") == (mode,)
    assert venue.shown("ann", resting, *OUTCOME, "prevented_size") == maker
    assert venue.shown("ann", meeting, *OUTCOME, "prevented_size") == taker
    assert "SelfTradePrevented" in venue.events("ann", resting)
    assert "SelfTradePrevented" in venue.events("ann", meeting)
    assert venue.get(f"/products/{venue.product_id}/trades", "ann").json() == []


def test_a_collar_stops_what_would_go_too_far(opened: Open) -> None:
    venue = opened(price_collar=100, reference_price="100.00")
    shown = venue.get(f"/products/{venue.product_id}", "ann").json()
    assert (shown["price_collar"], shown["reference_price"]) == (100, "100.00")
    venue.place("ann", "sell", "1", "100.50")
    venue.place("ann", "sell", "1", "101.50")
    far = venue.place("bob", "buy", "1", "101.01")
    assert venue.shown("bob", far, "status", "reject_reason") == ("rejected", "price_collar")
    market = venue.place("bob", "buy", "2")
    assert venue.shown("bob", market, *OUTCOME) == ("done", "price_collar", "1.000", "1.000")
    venue.ask("PATCH", f"/products/{venue.product_id}", "", {"price_collar": 0})
    again = venue.place("bob", "buy", "1")
    assert venue.shown("bob", again, *OUTCOME) == ("done", "filled", "1.000", "0.000")


def test_an_account_has_so_many_orders_and_no_more(opened: Open) -> None:
    venue = opened(max_open_orders=2)
    assert venue.get(f"/products/{venue.product_id}", "ann").json()["max_open_orders"] == 2
    kept = [venue.place("ann", "sell", "1", "100.00"), venue.place("ann", "buy", "1", type="stop", stop_price="200.00")]
    third = venue.place("ann", "sell", "1", "101.00")
    assert venue.shown("ann", third, "status", "reject_reason") == ("rejected", "too_many_orders")
    passing = venue.place("ann", "sell", "1", "99.00", time_in_force="IOC")
    assert venue.shown("ann", passing, "status", "done_reason") == ("done", "canceled")
    venue.cancel("ann", kept[0])
    assert venue.shown("ann", venue.place("ann", "sell", "1", "101.00"), "status") == ("open",)


def test_a_switch_cancels_all_unless_it_is_set_again_or_taken_away(opened: Open) -> None:
    venue = opened()
    venue.trade_at("100.00")
    ann = [venue.place("ann", "sell", "1", "101.00"), venue.place("ann", "sell", "1", type="stop", stop_price="90.00")]
    bob, cat = venue.place("bob", "sell", "1", "102.00"), venue.place("cat", "sell", "1", "103.00")
    switch = {"product_id": venue.product_id}
    for account, timeout in (("ann", 1), ("bob", 1), ("bob", 3_600), ("cat", 1), ("cat", 0)):
        venue.ask("POST", "/cancel-all-after", account, switch | {"timeout": timeout})
    venue.until(lambda: venue.orders("ann") == [], "the switch of ann fires")
    assert [venue.shown("ann", order, "status", "done_reason") for order in ann] == [("done", "canceled")] * 2
    assert venue.orders("bob") == [bob]
    assert venue.orders("cat") == [cat]


def test_an_amendment_keeps_its_place_or_loses_it(opened: Open) -> None:
    venue = opened()
    first, second = venue.place("ann", "sell", "5", "100.00"), venue.place("bob", "sell", "5", "100.00")
    venue.amend("ann", first, size="4")
    assert [row[2] for row in venue.queue("asks")] == [first, second]
    venue.amend("ann", first, size="6")
    assert venue.queue("asks") == [("100.00", "5.000", second), ("100.00", "6.000", first)]
    venue.amend("bob", second, max_floor="2")
    assert venue.queue("asks") == [("100.00", "6.000", first), ("100.00", "2.000", second)]
    venue.amend("bob", second, max_floor="0", price="99.00")
    assert venue.queue("asks") == [("99.00", "5.000", second), ("100.00", "6.000", first)]
    venue.place("cat", "buy", "1", "98.00")
    venue.amend("bob", second, price="98.00")
    assert venue.shown("bob", second, "filled_size", "remaining_size", "price") == ("1.000", "4.000", "98.00")
    venue.amend("bob", second, size="1")
    assert venue.shown("bob", second, *OUTCOME, "size") == ("done", "filled", "1.000", "0.000", "1.000")


def test_an_amended_stop_and_an_amended_expiry(opened: Open) -> None:
    venue = opened()
    venue.trade_at("100.00")
    order = venue.place("ann", "sell", "1", "150.00", time_in_force="GTD", expire_time="2100-01-01T00:00:00Z")
    venue.amend("ann", order, expire_time="2101-01-01T00:00:00.000000001Z")
    assert venue.shown("ann", order, "expire_time") == ("2101-01-01T00:00:00.000000001Z",)
    venue.amend("ann", order, expire_time=(datetime.now(UTC) + timedelta(milliseconds=600)).isoformat())
    stop = venue.place("ann", "buy", "1", "120.00", stop_price="130.00")
    venue.amend("ann", stop, stop_price="125.00", price="121.00", size="3", max_floor="1")
    assert venue.shown("ann", stop, "status", "stop_price", "price", "size") == ("active", "125.00", "121.00", "3.000")
    venue.amend("ann", stop, stop_price="100.00")
    assert venue.queue("bids") == [("121.00", "1.000", stop)]
    venue.until(lambda: venue.orders("ann") == [stop], "the amended order expires")
    assert venue.shown("ann", order, "done_reason") == ("expired",)


def test_deadlines_and_stops_outlive_their_workers(stack: Stack, opened: Open) -> None:
    venue = opened()
    venue.trade_at("100.00")
    expire_time = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    order = venue.place("ann", "sell", "1", "150.00", time_in_force="GTD", expire_time=expire_time)
    iceberg = venue.place("ann", "sell", "4", "110.00", max_floor="2")
    stop = venue.place("ann", "buy", "1", "105.00", stop_price="104.00")
    asyncio.run(kill_workers(stack))
    venue.until(lambda: venue.orders("ann") == [stop, iceberg], "the order expires under another worker")
    assert venue.shown("ann", order, "done_reason") == ("expired",)
    venue.trade_at("104.00")
    assert venue.queue("bids") == [("105.00", "1.000", stop)]
    assert venue.queue("asks") == [("110.00", "2.000", iceberg)]


async def kill_workers(stack: Stack) -> None:
    await asyncio.gather(*(stack.kill_one(f"orderbook-worker-{number}") for number in (1, 2)))


def test_simulated_traders_are_taken_as_they_are(stack: Stack) -> None:
    async def scenario() -> None:
        async with Exchange(stack.addresses.url) as exchange:
            await ensure_listed(exchange, "BTC-USD")
            floor = Floor(exchange, ["BTC-USD"], 5, "rules")
            for _ in range(TURNS):
                await floor.turn()
            assert floor.sent > TURNS

    asyncio.run(scenario())


def test_everything_above_adds_up(stack: Stack) -> None:
    async def scenario() -> None:
        async with Exchange(stack.addresses.url) as exchange:
            report = await check(stack.addresses, exchange, [], Live())
        assert report.trades > 0
        audited = await audit(KafkaLog(stack.addresses.kafka, "e2e"), EVERYTHING, Live())
        assert audited.agrees, audited.lines()
        assert sum(found.counts.redecided for found in audited.found) == report.commands

    asyncio.run(scenario())
