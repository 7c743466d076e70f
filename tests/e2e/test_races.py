"""The same request a hundred times at once is one order: single and in batches, whatever state Redis is in, and when
order_api is killed between Redis and the log.

Clients do what a client does: a request that is in flight, or whose outcome is not known, is sent again as it was.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from services.order_api.idempotency.record import pending
from sim.chaos.processes import Processes
from tests.e2e.stack import Stack
from tests.e2e.venue import Json, Venue

CLIENTS = 100
BATCH = 3
KILLED_ORDERS = 20
PATIENCE_S = 60.0
PAUSE_S = 0.05
AGAIN = (409, 502, 503, 504)
"""What a client sends again: in flight, or the outcome is not known."""
SLOW_MS, AWAY_MS = 300, 3_000
"""A call to Redis that takes longer than half a second counts as Redis being away."""
PENDING = pending(0)[:1]
Trouble = Callable[[Redis], Awaitable[object]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def nothing(_redis: Redis) -> None:
    """Redis is up."""


async def flushed(redis: Redis) -> None:
    await redis.flushall()


async def slow(redis: Redis) -> None:
    await redis.client_pause(SLOW_MS)


async def away(redis: Redis) -> None:
    await redis.client_pause(AWAY_MS)


def redis_address(stack: Stack) -> str:
    told = Path(f"/proc/{stack.pid('order-api-1')}/environ").read_text().split("\0")
    return next(each.partition("=")[2] for each in told if each.startswith("OUTCRY_REDIS="))


@asynccontextmanager
async def clients(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(
        base_url=stack.url, limits=limits, timeout=PATIENCE_S, trust_env=False, headers={"Outcry-Account": "ann"}
    ) as http:
        yield http


async def sent(http: httpx.AsyncClient, path: str, body: object) -> list[str]:
    """The ids of the first answer that is one: of an order, or of all of a batch."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = ids(await asked(http, path, body))
            if found:
                return found
            await asyncio.sleep(PAUSE_S)


async def asked(http: httpx.AsyncClient, path: str, body: object) -> Any:
    try:
        answer = await http.post(path, json=body)
    except httpx.TransportError:
        return {}
    if answer.status_code in AGAIN:
        return {}
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def ids(answer: Any) -> list[str]:
    """None as long as an item of a batch must be sent again."""
    items = answer.get("results", [answer] if answer else [])
    assert all(item.get("status") in (202, "pending", *AGAIN) for item in items), answer
    return [] if any(item["status"] in AGAIN for item in items) else [item["id"] for item in items]


def of_name(venue: Venue, client_oid: str) -> list[Json]:
    found = venue.get(f"/orders?status=all&limit=1000&product_id={venue.product_id}", "ann").json()
    return [order for order in found if order.get("client_oid") == client_oid]


def assert_one(venue: Venue, client_oid: str, answered: set[str]) -> None:
    """One order stands under the name, and whoever was told of another was told of one that was refused as its repeat."""

    def decided() -> bool:
        return answered <= {str(order["id"]) for order in of_name(venue, client_oid)}

    venue.until(decided, f"the outcome of {client_oid}")
    orders = of_name(venue, client_oid)
    (first,) = (order for order in orders if order["status"] != "rejected")
    others = [order for order in orders if order["status"] == "rejected"]
    assert {(order["reject_reason"], order["duplicate_of"]) for order in others} <= {("duplicate", first["id"])}


@pytest.fixture
def venue(stack: Stack) -> Iterator[Venue]:
    made = Venue(stack.url)
    yield made
    made.close()


@pytest.mark.parametrize("trouble", [nothing, flushed, slow, away], ids=lambda trouble: trouble.__name__)
def test_a_hundred_at_once_are_one_order(stack: Stack, venue: Venue, trouble: Trouble) -> None:
    name = f"single-{trouble.__name__}"
    order = {"product_id": venue.product_id, "side": "buy", "price": "10", "size": "1", "client_oid": name}

    async def race() -> list[list[str]]:
        async with clients(stack) as http, Redis.from_url(redis_address(stack)) as redis:
            await trouble(redis)
            sending = [asyncio.create_task(sent(http, "/orders", order)) for _ in range(CLIENTS)]
            if trouble is flushed:  # in the middle of it too
                await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                await flushed(redis)
            return await asyncio.gather(*sending)

    answered = {order_id for answer in asyncio.run(race()) for order_id in answer}
    assert_one(venue, name, answered)
    if trouble is nothing:
        assert len(answered) == 1


@pytest.mark.parametrize("trouble", [nothing, flushed, slow, away], ids=lambda trouble: trouble.__name__)
def test_a_hundred_batches_at_once_are_one(stack: Stack, venue: Venue, trouble: Trouble) -> None:
    names = [f"batch-{trouble.__name__}-{index}" for index in range(BATCH)]
    order = {"op": "place", "product_id": venue.product_id, "side": "buy", "price": "10", "size": "1"}
    body = {"orders": [order | {"client_oid": name} for name in names]}

    async def race() -> list[list[str]]:
        async with clients(stack) as http, Redis.from_url(redis_address(stack)) as redis:
            await trouble(redis)
            sending = [asyncio.create_task(sent(http, "/orders/batch", body)) for _ in range(CLIENTS)]
            if trouble is flushed:
                await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
                await flushed(redis)
            return await asyncio.gather(*sending)

    answers = asyncio.run(race())
    for index, name in enumerate(names):
        assert_one(venue, name, {answer[index] for answer in answers})


def test_order_api_killed_between_redis_and_the_log(stack: Stack, venue: Venue) -> None:
    """Kafka stands still, so what was claimed is not published when order_api dies. A repeat publishes it, once, and as the
    order that it was."""
    names = [f"killed-{index}" for index in range(KILLED_ORDERS)]
    order = {"product_id": venue.product_id, "side": "buy", "price": "10", "size": "1"}

    async def claimed(redis: Redis) -> list[bytes]:
        found: list[Any] = await redis.mget([key async for key in redis.scan_iter(count=1_000)])
        return [value for value in found if value and value.startswith(PENDING)]

    async def race() -> list[list[str]]:
        async with clients(stack) as http, Redis.from_url(redis_address(stack)) as redis:
            await redis.flushall()
            async with Processes(stack.data).frozen("Kafka"):
                sending = [asyncio.create_task(sent(http, "/orders", order | {"client_oid": name})) for name in names]
                async with asyncio.timeout(PATIENCE_S):
                    while len(await claimed(redis)) < KILLED_ORDERS:
                        await asyncio.sleep(PAUSE_S)
                await stack.kill_one("order-api-1")
            return await asyncio.gather(*sending)

    answers = asyncio.run(race())
    for name, answer in zip(names, answers, strict=True):
        assert_one(venue, name, set(answer))
        assert [each["id"] for each in of_name(venue, name)] == answer
