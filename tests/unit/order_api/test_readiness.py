"""order_api is not ready before it has read what it needs, at no moment of its start."""

import asyncio
import base64

from services.order_api.settings import OrderApiSettings
from tests.unit.order_api.exchange import BTC, Exchange


def test_it_is_not_ready_from_the_first_moment_until_all_is_read() -> None:
    async def run() -> None:
        key = base64.b64encode(bytes(range(32))).decode()
        exchange = Exchange(OrderApiSettings(registry_poll_ms=5, keys_poll_ms=5, secrets_key=key))
        health = exchange.process.health
        health.ready(True)
        assert set(health.unready_reasons) == {"registry", "api keys"}
        await exchange.record()
        await exchange.register(BTC)
        following = asyncio.create_task(exchange.api.follow())
        async with asyncio.timeout(5):
            await exchange.api.desk.registry.settle_loaded()
            while not health.is_ready:
                await asyncio.sleep(0)
        exchange.process.stop.set()
        await following

    asyncio.run(run())
