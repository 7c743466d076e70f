"""Row: books read from the live book while orders change them, beside a server that does nothing."""

import asyncio
from typing import Final

from tests.benchmarks import http_single, load, paced
from tests.benchmarks.child import ask, finish, start
from tests.benchmarks.cpu import Meter
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.requests import Books
from tests.benchmarks.table import Figure, compared, milliseconds

_CONNECTIONS: Final = 128
_LEVELS: Final = (1, 2)
_ORDERS_A_SECOND: Final = 200.0
"""Over all products: what was encoded for the one who asked before is often not what stands there now."""
_PACED_CONNECTIONS: Final = 16


async def measure(exchange: Exchange, seconds: float) -> list[Figure]:
    floor = await http_single.floor(exchange, _CONNECTIONS, seconds)
    return [await _figure(exchange, level, seconds, floor) for level in _LEVELS]


async def _figure(exchange: Exchange, level: int, seconds: float, floor: load.Answers) -> Figure:
    products = list(exchange.products)
    change = paced.Task(exchange.order_api, _PACED_CONNECTIONS, _ORDERS_A_SECOND, seconds, fresh_tag(), products)
    changing = asyncio.create_task(finish(start("paced"), "paced", change, paced.Samples))
    meter = Meter()
    task = load.Task(exchange.query_api, _CONNECTIONS, seconds, Books(products, level))
    found = await ask("load", task, load.Answers)
    used = meter.used(found.accepted)
    await changing
    await drained(exchange.addresses)
    times = f"p50 {milliseconds(found.p50)}, p99 {milliseconds(found.p99)}; bare: {milliseconds(floor.p99)}"
    notes = [f"{times}; {_ORDERS_A_SECOND:.0f} orders/s meanwhile", used]
    if found.refused:
        notes.append(f"refused: {found.refused:,}")
    what = f"books read, level {level}, {_CONNECTIONS} connections"
    return compared(what, found.rate, floor.rate, "reads/s", "bare uvicorn", notes)
