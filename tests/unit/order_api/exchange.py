"""order_api over an in-memory log and an in-memory store of repeats, asked through its real ASGI front."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import structlog

from libs.events import codec, topics
from libs.events.commands import AnyCommand
from libs.events.values import Product, TradingStatus
from libs.kafka.cluster import Recorder
from libs.kafka.memory import Broker, MemoryLog, PlannedFaults
from libs.kafka.ports import Entry
from libs.service.clock import VirtualClock
from libs.service.process import Process
from services.order_api.app import OrderApi
from services.order_api.idempotency.memory import MemoryIdempotency
from services.order_api.settings import OrderApiSettings

PARTITIONS = 4
PENDING_MS = 15_000
BTC = Product("BTC-USD", 257, 1, "BTC", "USD", 2, 8, 5, 1_000, TradingStatus.ONLINE)
ETH = Product("ETH-USD", 258, 2, "ETH", "USD", 2, 4, 1, 1, TradingStatus.ONLINE)
ORDER = {"product_id": "BTC-USD", "side": "buy", "type": "limit", "price": "100.05", "size": "0.1"}
OPERATOR = {"Outcry-Role": "operator"}


class Exchange:
    """One order_api and everything it talks to."""

    def __init__(self, settings: OrderApiSettings) -> None:
        self.faults = PlannedFaults()
        self.broker = Broker(faults=self.faults)
        for topic in (topics.ORDERS, topics.PRODUCTS, topics.DLQ):
            self.broker.create_topic(topic, PARTITIONS)
        for topic in (topics.API_KEYS, topics.OPERATOR_AUDIT, topics.OPERATOR_TASKS):
            self.broker.create_topic(topic, 1)
        self.log = MemoryLog(self.broker)
        self.clock = VirtualClock()
        self.store = MemoryIdempotency(self.clock, PENDING_MS)
        self.process = Process("order_api", settings, structlog.get_logger(), self.broker.time)
        self.api = OrderApi(self.process, self.log, self.store)
        transport = httpx.ASGITransport(app=self.api.front)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://outcry")

    async def record(self, partitions: int = PARTITIONS) -> None:
        """What the deployment does, and a growth after it."""
        recorder = Recorder(self.log, self.process.settings.cluster)
        await recorder.start()
        await recorder.record(partitions)
        await recorder.close()

    async def register(self, product: Product) -> None:
        """What the owner of the product's partition does when it is listed."""
        entry = Entry(product.product_id.encode(), codec.encode(product))
        await self.log.publisher().publish(topics.PRODUCTS, product.partition, [entry])

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return await self.http.request(method, path, content=body, headers=named)
        return await self.http.request(method, path, json=body, headers=named)

    async def commands(self) -> list[AnyCommand]:
        """Everything in `orders`, by partition and offset."""
        found = []
        for partition in range(PARTITIONS):
            reader = self.log.reader(topics.ORDERS, committed=False)
            bounds = await reader.bounds(partition)
            reader.assign({partition: bounds.start})
            while reader.position(partition) < bounds.end:
                polled = await reader.poll(1_000, 0.01)
                found += [codec.decode_command(record.value or b"") for record in polled.get(partition, ())]
        return found


def with_exchange(scenario: Callable[[Exchange], Awaitable[None]], **settings: Any) -> None:
    """Run a scenario against an exchange that knows BTC-USD and ETH-USD."""

    async def run() -> None:
        given = {"product_wait_ms": 20, "registry_poll_ms": 5, "gather_ms": 0, "replay_poll_ms": 5} | settings
        exchange = Exchange(OrderApiSettings(**given))
        await exchange.record()
        await exchange.register(BTC)
        await exchange.register(ETH)
        following = asyncio.create_task(exchange.api.follow())
        await exchange.api.desk.registry.settle_loaded()
        try:
            await scenario(exchange)
        finally:
            exchange.process.stop.set()
            await following
            await exchange.http.aclose()
            await exchange.api.desk.close()

    asyncio.run(run())


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of an error, which is a whole problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, document["code"], document["field"]
