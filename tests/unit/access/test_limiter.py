"""Limits: all processes together give no more than the bucket has, and a busy name costs a call now and then."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.access.addresses import ClientAddresses
from libs.access.buckets import Buckets, Grant, MemoryBuckets, Rate, Wish
from libs.access.limiter import Limiter
from libs.service.clock import VirtualClock
from libs.service.failures import Away

LEASE_NS = 50_000_000


class Counting:
    """A store that counts its calls, and can be away."""

    def __init__(self, clock: VirtualClock) -> None:
        self._store = MemoryBuckets(clock, 1_000)
        self.calls = 0
        self.away = False

    async def take(self, wishes: Sequence[Wish]) -> Sequence[Grant]:
        self.calls += 1
        await asyncio.sleep(0)
        if self.away:
            raise Away("away")
        return await self._store.take(wishes)


def limiter(store: Buckets, clock: VirtualClock, per_s: int, burst: int, most: int = 100) -> Limiter:
    return Limiter("key", Rate(per_s, burst), store, clock, prefix="t", lease_ns=LEASE_NS, most=most)


async def allowed(limits: Limiter, name: str, times: int) -> int:
    return sum([(await limits.take(name)).allowed for _ in range(times)])


def test_a_burst_passes_and_then_the_rate() -> None:
    async def run() -> None:
        clock = VirtualClock()
        limits = limiter(Counting(clock), clock, per_s=10, burst=20)
        assert await allowed(limits, "a", 30) == 20
        refused = await limits.take("a")
        assert (refused.allowed, refused.remaining, refused.reset_s) == (False, 0, 1)
        clock.advance(0.1)
        assert await allowed(limits, "a", 5) == 1
        clock.advance(60)
        assert await allowed(limits, "a", 30) == 20
        assert await allowed(limits, "b", 30) == 20

    asyncio.run(run())


def test_what_remains_is_told() -> None:
    async def run() -> None:
        clock = VirtualClock()
        limits = limiter(Counting(clock), clock, per_s=2, burst=10)
        told = [await limits.take("a") for _ in range(10)]
        assert [each.remaining for each in told] == list(range(9, -1, -1))
        assert [each.reset_s for each in told] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]

    asyncio.run(run())


@pytest.mark.parametrize("processes", [1, 3])
def test_all_processes_together_give_what_the_bucket_has(processes: int) -> None:
    async def run() -> None:
        clock = VirtualClock()
        store = Counting(clock)
        limits = [limiter(store, clock, per_s=100, burst=50) for _ in range(processes)]
        found = await asyncio.gather(*(each.take("a") for each in limits for _ in range(200)))
        assert sum(standing.allowed for standing in found) == 50

    asyncio.run(run())


def test_a_busy_name_costs_few_calls_and_a_quiet_one_takes_one_at_a_time() -> None:
    async def run() -> None:
        clock = VirtualClock()
        store = Counting(clock)
        limits = limiter(store, clock, per_s=10_000, burst=10_000)
        for _ in range(5_000):
            assert (await limits.take("busy")).allowed
            clock.advance(0.0001)
        assert store.calls < 40
        store.calls = 0
        for _ in range(10):
            assert (await limits.take("quiet")).allowed
            clock.advance(1)
        assert store.calls == 10

    asyncio.run(run())


def test_a_flood_above_the_limit_asks_nobody() -> None:
    async def run() -> None:
        clock = VirtualClock()
        store = Counting(clock)
        limits = limiter(store, clock, per_s=1, burst=1)
        assert await allowed(limits, "a", 1) == 1
        before = store.calls
        assert await allowed(limits, "a", 1_000) == 0
        assert store.calls == before + 1

    asyncio.run(run())


def test_with_the_store_away_the_process_counts_alone() -> None:
    async def run() -> None:
        clock = VirtualClock()
        store = Counting(clock)
        limits = limiter(store, clock, per_s=10, burst=20)
        store.away = True
        assert await allowed(limits, "a", 30) == 20
        clock.advance(0.5)
        assert await allowed(limits, "a", 30) == 5
        store.away = False
        clock.advance(1)
        assert 0 < await allowed(limits, "a", 30) <= 20

    asyncio.run(run())


def test_names_have_a_limit() -> None:
    async def run() -> None:
        clock = VirtualClock()
        limits = limiter(Counting(clock), clock, per_s=1, burst=1, most=3)
        for number in range(10):
            assert (await limits.take(str(number))).allowed
        assert len(limits) == 3
        assert not (await limits.take("0")).allowed  # forgotten here, remembered by the store

    asyncio.run(run())


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("8.8.8.8", None, "8.8.8.8"),
        ("8.8.8.8", "1.2.3.4", "8.8.8.8"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", "6.6.6.6, 1.2.3.4, 10.1.0.9", "1.2.3.4"),
        ("127.0.0.1", "10.1.0.8, 10.1.0.9", "10.1.0.8"),
        ("127.0.0.1", "1.2.3.4, nonsense", "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4, nonsense, 10.1.0.9", "10.1.0.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "\xff", "127.0.0.1"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", None, "2001:db8:1:2::"),
        ("::ffff:127.0.0.1", "1.2.3.4", "1.2.3.4"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: str | None, wanted: str) -> None:
    found = ClientAddresses(ClientAddresses.networks("127.0.0.0/8, ::1/128, 10.1.0.0/16"))
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded.encode("latin-1")}
    for _ in range(2):
        assert found.of({"client": (peer, 1)}, headers) == wanted


def test_a_peer_without_an_address_counts_as_one() -> None:
    assert ClientAddresses([]).of({"client": None}, {}) == "unknown"
