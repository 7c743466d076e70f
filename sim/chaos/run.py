"""A run of chaos: clients trade, tormentors torment, and at the end everything must add up."""

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from libs.kafka.adapter import KafkaLog
from sim.chaos.client import Client
from sim.chaos.faults import decks, drawn
from sim.chaos.journal import Journal
from sim.chaos.processes import Processes
from sim.chaos.report import Report
from sim.chaos.stores import Stores
from sim.chaos.torment import Tormentor
from sim.chaos.verdict import clean, judge
from sim.check.run import check
from sim.exchange import Exchange
from sim.live import Live
from sim.products import ensure_listed
from sim.settings import Addresses

CLIENTS: Final = 2
"""On each product."""
ITEMS_A_REQUEST: Final = 1.75
"""On average."""


class Wanted(NamedTuple):
    seconds: float
    seed: int
    rate: float
    """Orders a second, of all clients together, while nothing is broken."""
    products: Sequence[str]
    faults: str
    """A part of the names of those that are to come; empty: all."""
    directory: Path
    """Of the run that is tormented."""


async def chaos(addresses: Addresses, exchange: Exchange, wanted: Wanted, live: Live) -> None:
    """Raises NotRecovered when a fault was not survived, Difference when something was lost or done twice."""
    for product in wanted.products:
        await ensure_listed(exchange, product)
    rng, journal, report = random.Random(wanted.seed), Journal(), Report()  # noqa: S311  chance, no secret
    processes = Processes(wanted.directory)
    stores = Stores(wanted.directory, addresses.kafka, addresses.postgres, addresses.redis)
    began = time.monotonic()
    clients = _clients(exchange, journal, wanted)
    pause_s = len(clients) * ITEMS_A_REQUEST / wanted.rate
    tormentors = [
        Tormentor(processes, stores, exchange, journal, report, live, rng).run(drawn(deck, rng), began + wanted.seconds)
        for deck in decks(sorted(processes.pids()), wanted.faults)
    ]
    live.say(f"{len(clients)} clients trade on {len(wanted.products)} products; seed {wanted.seed}")
    for client in clients:
        await client.ask()  # so that a fault is held to every product from the first one on
    await _trading_meanwhile(clients, pause_s, tormentors)
    seconds = time.monotonic() - began
    trails = [client.trail for client in clients]
    verdict = await judge(KafkaLog(addresses.kafka, "outcry-chaos"), trails, live)
    for line in report.lines(journal, verdict, seconds):
        live.say(line)
    clean(verdict)
    found = await check(addresses, exchange, [], live)
    for line in found.lines([]):
        live.say(f"  {line}")


def _clients(exchange: Exchange, journal: Journal, wanted: Wanted) -> list[Client]:
    run = f"c{int(time.time()):x}"
    return [
        Client(exchange, journal, f"chaos-{number}", product, run, hash_of(wanted.seed, number, place))
        for place, product in enumerate(wanted.products)
        for number in range(1, CLIENTS + 1)
    ]


def hash_of(*parts: int) -> int:
    """One seed of several numbers."""
    found = 0
    for part in parts:
        found = found * 1_000_003 + part
    return found


async def _trading_meanwhile(
    clients: Sequence[Client], pause_s: float, tormentors: Sequence[Coroutine[None, None, None]]
) -> None:
    trading = asyncio.gather(*(client.trade(pause_s) for client in clients))
    torment = asyncio.gather(*tormentors)
    try:
        await asyncio.wait({trading, torment}, return_when=asyncio.FIRST_COMPLETED)
        if trading.done():
            await trading  # it raises: clients stop for nothing else
        await torment
    finally:
        for each in (trading, torment):
            each.cancel()
        await asyncio.gather(trading, torment, return_exceptions=True)
