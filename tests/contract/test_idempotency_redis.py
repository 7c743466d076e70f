"""What is true of the store on Redis alone: its time limit, its circuit, and scripts that the server forgot."""

import asyncio

import pytest
import structlog
from redis.asyncio import Redis

from deploy.local.servers import Addresses
from libs.service.clock import VirtualClock
from libs.service.failures import Away
from libs.service.shared_script import CallLimits
from services.order_api.idempotency.ports import Claim, Outcome, Settlement, State
from services.order_api.idempotency.redis_store import Limits, RedisIdempotency

QUICK = Limits(CallLimits(timeout_s=0.05, pause_s=0.05, items=50), queue=10, ttl_s=60, pending_ms=1_000)
CLAIM = Claim(b"test_idempotency_redis", b"command", b"", "ann", places=True)


def _store(address: str, limits: Limits = QUICK) -> RedisIdempotency:
    return RedisIdempotency(address, VirtualClock(), structlog.get_logger(), limits)


def test_nobody_listens() -> None:
    async def run() -> None:
        store = _store("redis://127.0.0.1:1/0", QUICK._replace(call=QUICK.call._replace(pause_s=60)))
        with pytest.raises(Away, match="failed"):
            await store.claim([CLAIM])
        with pytest.raises(Away, match="left alone"):
            await store.claim([CLAIM])
        store.settle([Settlement(Outcome.PUBLISHED, CLAIM.key, CLAIM.command)])
        assert store.unwritten == 1
        await store.close()

    asyncio.run(run())


def test_a_server_that_does_not_answer_costs_one_time_limit_and_is_found_again() -> None:
    async def run() -> None:
        answering = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            answering.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        store = _store(f"redis://127.0.0.1:{port}/0")
        requests = [asyncio.create_task(store.claim([CLAIM])) for _ in range(20)]
        for request in requests:
            with pytest.raises(Away):
                await request
        assert answering.is_set()
        answering.clear()
        while not answering.is_set():
            with pytest.raises(Away):
                await store.claim([CLAIM])
            await asyncio.sleep(0.005)
        await store.close()
        server.close()
        await server.wait_closed()

    asyncio.run(run())


def test_a_script_the_server_forgot_is_loaded_again(servers: Addresses) -> None:
    async def run() -> None:
        store = _store(servers.redis, QUICK._replace(call=QUICK.call._replace(timeout_s=5.0)))
        redis = Redis.from_url(servers.redis)
        await redis.delete(CLAIM.key)
        assert (await store.claim([CLAIM]))[0].state is State.FRESH
        await redis.script_flush()
        assert (await store.claim([CLAIM]))[0].state is State.IN_FLIGHT
        assert 0 < await redis.ttl(CLAIM.key) <= 60
        store.settle([Settlement(Outcome.PUBLISHED, CLAIM.key, CLAIM.command, b"", 1, 2)])
        assert (await store.claim([CLAIM]))[0].state is State.PUBLISHED
        assert 0 < await redis.ttl(CLAIM.key) <= 60
        await redis.aclose()
        await store.close()

    asyncio.run(run())


def test_outcomes_beyond_the_queue_are_counted_not_kept(servers: Addresses) -> None:
    async def run() -> None:
        store = _store(servers.redis, QUICK._replace(call=QUICK.call._replace(timeout_s=5.0)))
        outcome = Settlement(Outcome.PUBLISHED, b"test_idempotency_redis:many", b"command", b"", 1, 2)
        store.settle([outcome] * 9)
        store.settle([outcome] * 2)
        assert store.unwritten == 2
        await store.close()

    asyncio.run(run())
