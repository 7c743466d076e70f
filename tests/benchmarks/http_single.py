"""Row 3: single orders until Kafka has acknowledged them, beside a server that does nothing; and through the gateway."""

import os
import sys
from typing import Final

from deploy.local.child import Program
from deploy.local.ports import free_block
from tests.benchmarks import load, servers
from tests.benchmarks.child import ask
from tests.benchmarks.cpu import Meter
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.listening import listening
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.requests import Orders
from tests.benchmarks.table import Figure, compared, milliseconds

CONNECTIONS: Final = (32, 128, 512)


async def measure(exchange: Exchange, seconds: float) -> list[Figure]:
    """The rows, for each number of connections."""
    figures: list[Figure] = []
    for connections in CONNECTIONS:
        bare = await floor(exchange, connections, seconds)
        figures.append(await _figure(exchange, exchange.order_api, "", connections, seconds, bare))
        figures.append(await _figure(exchange, exchange.gateway, " by the gateway", connections, seconds, bare))
    return figures


async def best_rate(exchange: Exchange, seconds: float) -> float:
    """What one order_api takes, orders/s."""
    found = await _loaded(exchange, exchange.order_api, CONNECTIONS[-1], seconds)
    await drained(exchange.addresses)
    return found.rate


async def _figure(
    exchange: Exchange, port: int, how: str, connections: int, seconds: float, bare: load.Answers
) -> Figure:
    meter = Meter()
    found = await _loaded(exchange, port, connections, seconds)
    used = meter.used(found.accepted)
    await drained(exchange.addresses)
    notes = [f"p50 {milliseconds(found.p50)}, p99 {milliseconds(found.p99)}; bare: {milliseconds(bare.p99)}", used]
    if found.refused:
        notes.append(f"refused: {found.refused:,}")
    return compared(
        f"single orders acknowledged{how}, {connections} connections",
        found.rate,
        bare.rate,
        "orders/s",
        "bare uvicorn",
        notes,
    )


async def floor(exchange: Exchange, connections: int, seconds: float) -> load.Answers:
    """The same client against a server that does nothing."""
    async with servers.directory() as where:
        (port,) = free_block(where, 1)
        argv = (sys.executable, "-m", "tests.benchmarks.bare", str(port))
        async with servers.running(Program("bare", argv, os.environ, where / "bare.log")):
            await listening(port)
            return await _loaded(exchange, port, connections, seconds)


async def _loaded(exchange: Exchange, port: int, connections: int, seconds: float) -> load.Answers:
    orders = Orders(list(exchange.products), fresh_tag())
    return await ask("load", load.Task(port, connections, seconds, orders), load.Answers)
