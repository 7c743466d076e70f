"""order_api as a process, on a real Kafka and a real Valkey."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from deploy.local.servers import Addresses
from deploy.partitions import DEFAULT_PARTITIONS
from deploy.topics import create_and_check
from libs.events import codec, topics
from libs.events.commands import AnyCommand
from libs.events.partitioning import home
from libs.events.values import Product, TradingStatus
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Entry

_ROOT = Path(__file__).parents[2]
_PLENTY_S = 30.0
STARTED = frozenset(("admin", "listening", "registry read"))


class Market:
    """A product of this test alone, registered as its owner would register it."""

    def __init__(self, name: str) -> None:
        self.product_id = f"{name}{os.urandom(4).hex().upper()}-USD"
        self.partition = home(self.product_id, DEFAULT_PARTITIONS)
        self.number = int.from_bytes(os.urandom(2), "big") * 256 + self.partition
        self.order = {"product_id": self.product_id, "side": "buy", "price": "100.5", "size": "0.1"}

    async def register(self, log: KafkaLog) -> None:
        product = Product(
            self.product_id, self.number, self.partition, "X", "USD", 2, 8, 1, 1, TradingStatus.ONLINE
        )  # fmt: skip
        publisher = log.publisher()
        await publisher.start()
        await publisher.publish(
            topics.PRODUCTS, self.partition, [Entry(self.product_id.encode(), codec.encode(product))]
        )
        await publisher.close()

    async def commands(self, log: KafkaLog) -> list[AnyCommand]:
        """What `orders` holds for this product."""
        reader = log.reader(topics.ORDERS, committed=False)
        await reader.start()
        bounds = await reader.bounds(self.partition)
        reader.assign({self.partition: bounds.start})
        found = []
        while reader.position(self.partition) < bounds.end:
            for record in (await reader.poll(1_000, 0.2)).get(self.partition, ()):
                if record.key == self.product_id.encode():
                    found.append(codec.decode_command(record.value or b""))
        await reader.stop()
        return found


@asynccontextmanager
async def order_api(
    servers: Addresses, until: Set[str] = STARTED, **environ: str
) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """The process; a client of it and the address of its admin port."""
    await create_and_check(servers.kafka, DEFAULT_PARTITIONS)
    given = os.environ | servers.as_environment() | {"OUTCRY_HTTP_PORT": "0", "OUTCRY_ADMIN_PORT": "0"} | environ
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.order_api", env=given, cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        found: dict[str, str] = {}
        async with asyncio.timeout(_PLENTY_S):
            while not until <= found.keys():
                line = msgspec.json.decode(await child.stdout.readline(), type=dict[str, Any])
                found[line["event"]] = line.get("address", "")
        async with httpx.AsyncClient(base_url=found["listening"], timeout=_PLENTY_S) as client:
            yield client, found["admin"]
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_PLENTY_S):
            await child.stdout.read()
            assert await child.wait() == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def test_an_order_and_its_repeat(servers: Addresses) -> None:
    async def run() -> None:
        log, market = KafkaLog(servers.kafka, "test"), Market("A")
        await create_and_check(servers.kafka, DEFAULT_PARTITIONS)
        await market.register(log)
        async with order_api(servers) as (client, admin):
            wish = market.order | {"client_oid": "a"}
            first = await client.post("/orders", json=wish)
            again = await client.post("/orders", json=wish)
            other = await client.post("/orders", json=wish | {"price": "100.6"})
            assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
            assert first.content == again.content
            assert again.headers["idempotency-replayed"] == "true"
            assert other.json()["field"] == "price"
            position = first.headers["outcry-position"]
            assert position == again.headers["outcry-position"]
            assert position.startswith(f"{market.partition}:")
            path = f"/orders/{first.json()['id']}"
            foreign = await client.delete(path, headers={"Outcry-Account": "bob"})
            assert (foreign.status_code, foreign.json()["code"]) == (404, "order_not_found")
            assert (await client.delete(path)).status_code == 202
            health = (await client.get(f"{admin}/healthz")).json()
            assert {name: each["status"] for name, each in health["checks"].items()} == {"kafka": "ok", "redis": "ok"}
            assert "orders_received_total 2.0" in (await client.get(f"{admin}/metrics")).text
        place, cancel = await market.commands(log)
        assert place.order_id == cancel.order_id

    asyncio.run(run())


def test_a_product_that_is_new_is_found(servers: Addresses) -> None:
    async def run() -> None:
        log, market = KafkaLog(servers.kafka, "test"), Market("B")
        async with order_api(servers) as (client, _):
            unknown = await client.post("/orders", json=market.order)
            assert (unknown.status_code, unknown.json()["code"]) == (404, "product_not_found")
            await market.register(log)
            assert (await client.post("/orders", json=market.order)).status_code == 202

    asyncio.run(run())


def test_large_batches_at_once_keep_their_order(servers: Addresses) -> None:
    async def run() -> None:
        log, market = KafkaLog(servers.kafka, "test"), Market("C")
        await create_and_check(servers.kafka, DEFAULT_PARTITIONS)
        await market.register(log)
        async with order_api(servers) as (client, _):
            batches = [
                [market.order | {"op": "place", "client_oid": f"{batch}-{index}"} for index in range(500)]
                for batch in range(4)
            ]
            answers = await asyncio.gather(*(client.post("/orders/batch", json={"orders": each}) for each in batches))
            for answer in answers:
                results = answer.json()["results"]
                assert {each["status"] for each in results} == {202}
                offsets = [int(each["position"].split(":")[1]) for each in results]
                assert offsets == sorted(offsets)
                assert answer.headers["outcry-position"] == f"{market.partition}:{offsets[-1]}"
        names = [command.client_oid for command in await market.commands(log)]
        for batch in batches:
            wanted = [str(item["client_oid"]) for item in batch]
            assert [name for name in names if name in set(wanted)] == wanted

    asyncio.run(run())


def test_redis_away_degrades_and_nothing_more(servers: Addresses) -> None:
    async def run() -> None:
        log, market = KafkaLog(servers.kafka, "test"), Market("D")
        await create_and_check(servers.kafka, DEFAULT_PARTITIONS)
        await market.register(log)
        async with order_api(servers, OUTCRY_REDIS="redis://127.0.0.1:1/0") as (client, admin):
            for _ in range(2):
                answer = await client.post("/orders", json=market.order | {"client_oid": "a"})
                assert answer.status_code == 202
            health = await client.get(f"{admin}/healthz")
            assert (health.status_code, health.json()["status"]) == (200, "degraded")
            assert (await client.get(f"{admin}/readyz")).status_code == 200
        first, second = await market.commands(log)
        assert first.key == second.key != 0

    asyncio.run(run())


def test_kafka_away_from_the_start_is_a_503_that_took_nothing(servers: Addresses) -> None:
    async def run() -> None:
        async with order_api(servers, {"listening", "admin"}, OUTCRY_KAFKA="127.0.0.1:1") as (client, admin):
            answer = await client.post("/orders", json=Market("E").order)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert answer.json()["retryable"]
            assert answer.headers["retry-after"] == "1"
            assert (await client.get(f"{admin}/readyz")).status_code == 503
            assert (await client.get(f"{admin}/healthz")).json()["checks"]["kafka"]["status"] == "down"

    asyncio.run(run())
