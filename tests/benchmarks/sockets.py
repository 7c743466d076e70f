"""Row: a thousand sockets on one busy product of a running exchange, and ten thousand that hear a heartbeat."""

import asyncio
from typing import Final

from tests.benchmarks import crowd, paced, servers
from tests.benchmarks.child import finish, start
from tests.benchmarks.cpu import Meter
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.table import Figure, milliseconds, rate

_BUSY, _IDLE = 1_000, 10_000
_ORDERS_A_SECOND: Final = 50.0
"""Of the busy product: each is a message to every socket."""
_CONNECTIONS: Final = 16
_READY_S: Final = 150.0


async def measure(exchange: Exchange, seconds: float) -> list[Figure]:
    busy = await _listened(exchange, _BUSY, "level2", seconds, _ORDERS_A_SECOND)
    return [busy, await _listened(exchange, _IDLE, "heartbeat", seconds, 0.0)]


async def _listened(exchange: Exchange, sockets: int, channel: str, seconds: float, orders: float) -> Figure:
    product = exchange.products[0]
    async with servers.directory() as where:
        ready = where / "ready"
        task = crowd.Task(exchange.query_api, sockets, channel, product, seconds, str(ready))
        listening = asyncio.create_task(finish(start("crowd"), "crowd", task, crowd.Heard))
        try:
            async with asyncio.timeout(_READY_S):
                while not ready.exists() and not listening.done():
                    await asyncio.sleep(0.05)
            meter = Meter()
            if orders:
                load = paced.Task(exchange.order_api, _CONNECTIONS, orders, seconds, fresh_tag(), [product])
                await finish(start("paced"), "paced", load, paced.Samples)
            heard = await listening
        finally:
            listening.cancel()
    used = meter.used(heard.messages)
    await drained(exchange.addresses)
    missed = f"{heard.gaps} gaps, {heard.resyncs} resyncs, {heard.ended} sockets ended"
    notes = [f"{heard.messages:,} messages in {heard.seconds:.0f} s: {missed}", used]
    if orders:
        times = f"p50 {milliseconds(heard.round_p50)}, p99 {milliseconds(heard.round_p99)}"
        notes.insert(
            1, f"{orders:.0f} orders/s; from the first of {sockets // 100} sampled sockets to the last: {times}"
        )
    what = f"{sockets:,} sockets on {channel} of one product"
    return Figure(what, rate(heard.messages / heard.seconds, "messages/s"), notes=notes)
