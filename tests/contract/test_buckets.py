"""What is true of every store of token buckets: the twin, whose clock a test moves, and Redis, whose clock moves itself."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
import structlog
from redis.asyncio import Redis

from libs.access.buckets import MICRO, Buckets, MemoryBuckets, Rate, Wish
from libs.access.redis_buckets import RedisBuckets
from libs.service.clock import SystemClock, VirtualClock
from libs.service.failures import Away
from libs.service.shared_script import CallLimits

PATIENT = CallLimits(timeout_s=5.0, pause_s=60.0, items=100)
SLOW = Rate(per_s=1, burst=10)
"""Gains nothing worth counting while a test runs."""

Scenario = Callable[[Buckets, bytes], Awaitable[None]]


@pytest.fixture(params=["memory", "redis"])
def tried(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario on a store, with a name that is its own."""
    name = f"test_buckets:{os.urandom(6).hex()}".encode()

    async def run(scenario: Scenario) -> None:
        if request.param == "memory":
            await scenario(MemoryBuckets(SystemClock(), 100), name)
            return
        store = RedisBuckets(request.getfixturevalue("servers").redis, structlog.get_logger(), PATIENT)
        try:
            await scenario(store, name)
        finally:
            await store.close()

    return lambda scenario: asyncio.run(run(scenario))


def test_a_bucket_begins_full_and_gives_what_it_has(tried: Callable[[Scenario], None]) -> None:
    async def scenario(store: Buckets, name: bytes) -> None:
        (first,) = await store.take([Wish(name, SLOW, 4)])
        assert (first.tokens, first.left // MICRO) == (4, 6)
        (second,) = await store.take([Wish(name, SLOW, 9)])
        assert (second.tokens, second.left // MICRO) == (6, 0)
        (third,) = await store.take([Wish(name, SLOW, 1)])
        assert (third.tokens, third.left // MICRO) == (0, 0)

    tried(scenario)


def test_wishes_of_one_call_see_each_other(tried: Callable[[Scenario], None]) -> None:
    async def scenario(store: Buckets, name: bytes) -> None:
        other = name + b":other"
        grants = await store.take([Wish(name, SLOW, 7), Wish(other, SLOW, 7), Wish(name, SLOW, 7), Wish(name, SLOW, 7)])
        assert [grant.tokens for grant in grants] == [7, 7, 3, 0]

    tried(scenario)


def test_a_hundred_at_once_get_what_there_is_and_no_more(tried: Callable[[Scenario], None]) -> None:
    async def scenario(store: Buckets, name: bytes) -> None:
        found = await asyncio.gather(*(store.take([Wish(name, SLOW, 1)]) for _ in range(100)))
        assert sum(grants[0].tokens for grants in found) == 10

    tried(scenario)


def test_a_bucket_fills_at_its_rate_and_not_beyond_its_burst(tried: Callable[[Scenario], None]) -> None:
    async def scenario(store: Buckets, name: bytes) -> None:
        quick = Rate(per_s=2_000, burst=20)
        (emptied,) = await store.take([Wish(name, quick, 20)])
        assert emptied.tokens == 20
        clock, began, given = SystemClock(), SystemClock().now(), 0
        while clock.now() - began < 100_000_000:
            given += (await store.take([Wish(name, quick, 20)]))[0].tokens
            await asyncio.sleep(0.001)
        elapsed = clock.now() - began
        assert 0 < given <= 20 + 2_000 * (elapsed + 50_000_000) // 10**9
        while (await store.take([Wish(name, quick, 0)]))[0].left < 20 * MICRO:
            await asyncio.sleep(0.001)
        assert (await store.take([Wish(name, quick, 99)]))[0].tokens == 20

    tried(scenario)


def test_fractions_are_kept() -> None:
    clock = VirtualClock()
    store = MemoryBuckets(clock, 10)
    rate = Rate(per_s=2, burst=1)
    assert store.take_one(Wish(b"a", rate, 1)).tokens == 1
    for wanted in (0, 0, 0, 1, 0):  # an eighth of a second each is a quarter of a token
        clock.advance(0.125)
        assert store.take_one(Wish(b"a", rate, 1)).tokens == wanted


def test_the_twin_forgets_the_oldest() -> None:
    store = MemoryBuckets(VirtualClock(), 2)
    for name in (b"a", b"b", b"c"):
        assert store.take_one(Wish(name, SLOW, 10)).tokens == 10
    assert store.take_one(Wish(b"c", SLOW, 1)).tokens == 0
    assert store.take_one(Wish(b"a", SLOW, 1)).tokens == 1


def test_redis_away_is_said_and_then_left_alone() -> None:
    async def run() -> None:
        store = RedisBuckets("redis://127.0.0.1:1/0", structlog.get_logger(), PATIENT)
        with pytest.raises(Away, match="failed"):
            await store.take([Wish(b"a", SLOW, 1)])
        with pytest.raises(Away, match="left alone"):
            await store.take([Wish(b"a", SLOW, 1)])
        await store.close()

    asyncio.run(run())


def test_redis_forgets_scripts_and_full_buckets(request: pytest.FixtureRequest) -> None:
    async def run() -> None:
        address = request.getfixturevalue("servers").redis
        store, redis = RedisBuckets(address, structlog.get_logger(), PATIENT), Redis.from_url(address)
        name = f"test_buckets:{os.urandom(6).hex()}".encode()
        await store.take([Wish(name, SLOW, 4)])
        assert 3_000 < await redis.pttl(name) <= 4_001
        await redis.script_flush()
        (grant,) = await store.take([Wish(name, SLOW, 9)])
        assert grant.tokens == 6
        await redis.aclose()
        await store.close()

    asyncio.run(run())
