"""Row 3: single orders until Kafka has acknowledged them, beside a server that does nothing; and through the gateway."""

import os
import sys
from typing import Final

from deploy.local.child import Program
from deploy.local.ports import free_block
from tests.benchmarks import servers, single
from tests.benchmarks.child import ask
from tests.benchmarks.cpu import Meter
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.listening import listening
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.table import Figure, compared, milliseconds

CONNECTIONS: Final = (32, 128, 512)


async def measure(exchange: Exchange, seconds: float) -> list[Figure]:
    """The rows, for each number of connections."""
    figures: list[Figure] = []
    for connections in CONNECTIONS:
        floor = await _floor(exchange, connections, seconds)
        figures.append(await _figure(exchange, exchange.order_api, "", connections, seconds, floor))
        figures.append(await _figure(exchange, exchange.gateway, " by the gateway", connections, seconds, floor))
    return figures


async def best_rate(exchange: Exchange, seconds: float) -> float:
    """What one order_api takes, orders/s."""
    found = await _loaded(exchange, exchange.order_api, CONNECTIONS[-1], seconds)
    await drained(exchange.addresses)
    return found.rate


async def _figure(
    exchange: Exchange, port: int, how: str, connections: int, seconds: float, floor: single.Answers
) -> Figure:
    meter = Meter()
    found = await _loaded(exchange, port, connections, seconds)
    used = meter.used(found.accepted)
    await drained(exchange.addresses)
    notes = [f"p50 {milliseconds(found.p50)}, p99 {milliseconds(found.p99)}; bare: {milliseconds(floor.p99)}", used]
    if found.refused:
        notes.append(f"refused: {found.refused:,}")
    return compared(
        f"single orders acknowledged{how}, {connections} connections",
        found.rate,
        floor.rate,
        "orders/s",
        "bare uvicorn",
        notes,
    )


async def _floor(exchange: Exchange, connections: int, seconds: float) -> single.Answers:
    async with servers.directory() as where:
        (port,) = free_block(where, 1)
        argv = (sys.executable, "-m", "tests.benchmarks.bare", str(port))
        async with servers.running(Program("bare", argv, os.environ, where / "bare.log")):
            await listening(port)
            return await _loaded(exchange, port, connections, seconds)


async def _loaded(exchange: Exchange, port: int, connections: int, seconds: float) -> single.Answers:
    task = single.Task(port, connections, seconds, fresh_tag(), list(exchange.products))
    return await ask("single", task, single.Answers)
