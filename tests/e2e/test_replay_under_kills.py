"""A real market on eight products and two workers, with SIGKILL in the middle; then the exchange stops and starts.

What is compared: `orders`, `order-events`, Postgres and the API (invariants 6 to 9), by `sim.check`, which shares no
code with the services. All tests use one run of the exchange, in this order.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence

import pytest

from libs.events import topics
from libs.kafka.adapter import KafkaLog
from sim import recording
from sim.check.difference import Difference
from sim.check.log import opened
from sim.check.report import Report
from sim.check.run import check
from sim.check.tables import connected
from sim.exchange import Book, Exchange, Ticker
from sim.live import Live
from sim.plan import account
from sim.products import ensure_listed, names
from sim.receipts import EXPECTED, Receipts
from sim.replay import Replay, plan
from tests.e2e.conftest import running
from tests.e2e.stack import Stack, until

PRODUCTS = int(os.environ.get("E2E_PRODUCTS", "8"))
ROWS = int(os.environ.get("E2E_ROWS", "16000"))
"""Of the recording, on each product: the book at its start, and the first hundreds of trades. The whole recording on one
product takes some minutes: `E2E_PRODUCTS=1 E2E_ROWS=307539`."""
KILLS = (
    "orderbook-worker-1",
    "read-model-builder-1",
    "orderbook-worker-2",
    "orderbook-worker-1",
    "read-model-builder-1",
    "orderbook-worker-2",
)
REPLAY_S = 180.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(360),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running() as run:
        yield run


@pytest.fixture(scope="module")
def receipts() -> list[Receipts]:
    """What the first test was promised; the second holds the exchange to it again."""
    return []


def test_nothing_is_lost_or_done_twice_when_workers_and_projector_are_killed(
    stack: Stack, receipts: list[Receipts]
) -> None:
    async def scenario() -> Report:
        requests = plan(recording.rows(recording.path(), ROWS), None)
        async with Exchange(stack.addresses.url) as exchange:
            for name in names(PRODUCTS):
                await ensure_listed(exchange, name)
            replays = [Replay(exchange, name, requests, "e2e") for name in names(PRODUCTS)]
            async with asyncio.timeout(REPLAY_S), asyncio.TaskGroup() as group:
                group.create_task(kill_in_the_middle(stack, replays))
                for replay in replays:
                    group.create_task(replay.run(None))
            receipts.extend(replay.receipts for replay in replays)
            return await check(stack.addresses, exchange, receipts, Live())

    report = asyncio.run(scenario())
    assert report.products == PRODUCTS
    assert report.trades > 0
    assert report.resting > 0
    assert report.commands == PRODUCTS + sum(len(receipt) for receipt in receipts)
    assert sum(len(receipt) + sum(receipt.refused.values()) for receipt in receipts) == PRODUCTS * ROWS
    assert {kind for receipt in receipts for kind in receipt.refused} <= EXPECTED
    assert set(report.rejections) <= {"order done", "unknown order"}
    for instance in set(KILLS):
        assert stack.terminal().count(f"{instance} ended (signal SIGKILL)") == KILLS.count(instance)


async def kill_in_the_middle(stack: Stack, replays: Sequence[Replay]) -> None:
    """One after the other, whenever the next part of the replay has been answered."""
    for number, instance in enumerate(KILLS, 1):
        await reached(replays, PRODUCTS * ROWS * number // (len(KILLS) + 1))
        await stack.kill_one(instance)


async def reached(replays: Sequence[Replay], wanted: int) -> None:
    await until(lambda: sum(each.sent for each in replays) >= wanted, f"{wanted} orders answered", REPLAY_S)


def test_stopped_and_started_it_is_as_before(stack: Stack, receipts: list[Receipts]) -> None:
    assert receipts, "the first test has filled the exchange"

    async def scenario() -> None:
        before = await seen(stack)
        await stack.stop()
        await stack.start()
        assert await seen(stack) == before
        async with Exchange(stack.addresses.url) as exchange:
            await check(stack.addresses, exchange, receipts, Live())
            await goes_on(exchange)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("change", "back", "named"),
    [
        (
            "UPDATE orders SET displayed = displayed + 1 WHERE order_id = (SELECT min(order_id::text)::uuid FROM open_orders)",
            "UPDATE orders SET displayed = displayed - 1 WHERE order_id = (SELECT min(order_id::text)::uuid FROM open_orders)",
            "displayed of order",
        ),
        (
            "UPDATE trades SET price = price + 1 WHERE trade_id = 9",
            "UPDATE trades SET price = price - 1 WHERE trade_id = 9",
            "a trade",
        ),
    ],
    ids=["an order", "a trade"],
)
def test_the_check_sees_what_is_wrong_in_postgres(stack: Stack, change: str, back: str, named: str) -> None:
    async def scenario() -> None:
        addresses = stack.addresses
        async with Exchange(addresses.url) as exchange, connected(addresses.postgres) as connection:
            await connection.execute(change)
            with pytest.raises(Difference, match=named):
                await check(addresses, exchange, [], Live())
            await connection.execute(back)

    asyncio.run(scenario())


async def seen(stack: Stack) -> tuple[list[Book], list[Ticker], dict[int, int]]:
    """Every book in full, every last trade and best price, and how far the log is."""
    async with Exchange(stack.addresses.url) as exchange:
        books = [await exchange.book(name) for name in names(PRODUCTS)]
        tickers = [await exchange.ticker(name) for name in names(PRODUCTS)]
    async with opened(KafkaLog(stack.addresses.kafka, "e2e"), topics.ORDERS, committed=False) as reader:
        ends = {partition: (await reader.bounds(partition)).end for partition in await reader.partitions()}
    return books, tickers, ends


async def goes_on(exchange: Exchange) -> None:
    """A new order finds its way from HTTP to Postgres."""
    product, order = names(1)[0], "after-the-restart"
    body = (
        f'{{"orders":[{{"op":"place","product_id":"{product}","side":"buy","price":"1.00","size":"0.5",'
        f'"client_oid":"{order}","account":"{account(order)}"}}]}}'
    )
    (result,) = await exchange.batch(body.encode(), order)
    found = await exchange.order(order, product, account(order), result.position)
    assert found is not None
    assert found.status == "open"
