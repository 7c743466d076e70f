"""The whole exchange for a benchmark, as the local run composes it, on free ports and in a directory of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from deploy.local.lock import lock_data_directory
from deploy.local.ports import free_block
from deploy.local.run import Run
from deploy.local.secrets import secrets_key
from deploy.local.servers import Addresses, ports_used
from deploy.local.services import ports_needed, services
from deploy.local.settings import LocalSettings
from libs.events.topics import ORDERS
from libs.kafka.adapter import KafkaLog
from libs.read_model.connect import connect
from libs.read_model.positions import read_positions
from sim.exchange import Exchange as Client
from sim.products import EIGHT, ensure_listed
from tests.benchmarks import servers

_STOP_S: Final = 20.0
_DRAIN_S: Final = 600.0
_LOOK_EVERY_S: Final = 0.1


class Exchange(NamedTuple):
    """A running one, with `products` listed, one in each partition."""

    addresses: Addresses
    gateway: int
    order_api: int
    query_api: int
    products: Sequence[str]
    secrets_key: str
    """What its API keys are sealed with."""


@asynccontextmanager
async def exchange() -> AsyncIterator[Exchange]:
    """Started and ready; stopped for sure afterwards."""
    async with servers.directory() as where:
        lock = lock_data_directory(where)
        try:
            (port,) = free_block(where / "gateway", 1)
            settings = LocalSettings.read({**os.environ, "OUTCRY_DATA_DIR": str(where), "OUTCRY_PORT": str(port)})
            # The same block that the run takes a moment later.
            of_servers = ports_used(settings.brokers)
            block = free_block(where, of_servers + ports_needed(settings))
            ports = {each.module: each.http_port or 0 for each in services(settings, block[of_servers:])}
            with contextlib.redirect_stdout(sys.stderr):
                async with _running(Run(settings, lock)) as addresses:
                    await _listed(port)
                    apis = ports["services.order_api"], ports["services.query_api"]
                    yield Exchange(addresses, port, *apis, EIGHT, secrets_key(where))
        finally:
            os.close(lock)


@asynccontextmanager
async def _running(run: Run) -> AsyncIterator[Addresses]:
    try:
        yield await run.start()
    finally:
        try:
            await asyncio.wait_for(asyncio.shield(run.stop()), _STOP_S)
        finally:
            run.kill()


async def _listed(port: int) -> None:
    async with Client(f"http://127.0.0.1:{port}") as client:
        for product in EIGHT:
            await ensure_listed(client, product)


async def drained(addresses: Addresses) -> None:
    """Until the read side has everything that is in `orders` now: what comes next is then not measured with it."""
    reader = KafkaLog(addresses.kafka, "bench-drain").reader(ORDERS, committed=False)
    store = await connect(addresses.postgres, "bench-drain", 10)
    await reader.start()
    try:
        last = {partition: (await reader.bounds(partition)).end - 1 for partition in await reader.partitions()}
        async with asyncio.timeout(_DRAIN_S):
            while True:
                positions = await read_positions(store)
                if all(positions[at].command_offset >= offset for at, offset in last.items() if offset >= 0):
                    return
                await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await reader.stop()
        await store.close()
