"""Row: single orders under API keys, each signed by the client and checked by order_api, beside the same without."""

import asyncio
from typing import Final

from libs.access.desk import KeyDesk
from libs.access.scopes import Scope
from libs.access.sealing import Sealer
from libs.kafka.adapter import KafkaLog
from libs.service.clock import SystemClock
from tests.benchmarks import http_single, load
from tests.benchmarks.child import ask
from tests.benchmarks.cpu import Meter
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.requests import Key, SignedOrders
from tests.benchmarks.table import Figure, compared, milliseconds

_KEYS: Final = 64
"""Of an account each, so that orders of different ones meet."""
_CONNECTIONS: Final = http_single.CONNECTIONS[-1]
_KNOWN_AFTER_S: Final = 3.0
"""A new key is known everywhere within a second."""


async def measure(exchange: Exchange, seconds: float) -> list[Figure]:
    keys = await _keys(exchange)
    await asyncio.sleep(_KNOWN_AFTER_S)
    plain = await http_single.best_rate(exchange, seconds)
    meter = Meter()
    requests = SignedOrders(list(exchange.products), fresh_tag(), keys)
    found = await ask("load", load.Task(exchange.order_api, _CONNECTIONS, seconds, requests), load.Answers)
    used = meter.used(found.accepted)
    await drained(exchange.addresses)
    notes = [f"p50 {milliseconds(found.p50)}, p99 {milliseconds(found.p99)}", used]
    if found.refused:
        notes.append(f"refused: {found.refused:,}")
    what = f"signed single orders acknowledged, {_CONNECTIONS} connections"
    return [compared(what, found.rate, plain, "orders/s", "without signatures", notes)]


async def _keys(exchange: Exchange) -> list[Key]:
    desk = KeyDesk(KafkaLog(exchange.addresses.kafka, "bench-keys"), SystemClock(), "bench")
    sealer, scopes = Sealer.parse(exchange.secrets_key), (Scope.VIEW, Scope.TRADE)
    made = [await desk.create(sealer, f"signer-{at}", scopes, label="bench") for at in range(_KEYS)]
    return [Key(*shown) for _, shown in made]
