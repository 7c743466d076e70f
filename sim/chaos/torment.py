"""One fault after another, each until the exchange has come back from it: that is what a fault is held to."""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from typing import Final

from sim.chaos.faults import Fault, lasting
from sim.chaos.journal import Journal, Seen
from sim.chaos.processes import Processes
from sim.chaos.report import Report, Survived
from sim.chaos.stores import Stores
from sim.chaos.trouble import Impossible, NotRecovered
from sim.exchange import Exchange, Unavailable
from sim.live import Live

RECOVERED_S: Final = 90.0
LOOK_EVERY_S: Final = 0.2
BETWEEN_S: Final = 1.0
"""Of peace, at most."""


class Tormentor:
    """Draws its faults from one deck. Several may be at work at the same time."""

    def __init__(
        self, processes: Processes, stores: Stores, exchange: Exchange, journal: Journal, report: Report, live: Live,
        rng: random.Random,
    ) -> None:  # fmt: skip
        self._processes = processes
        self._stores = stores
        self._exchange = exchange
        self._journal = journal
        self._report = report
        self._live = live
        self._rng = rng

    async def run(self, faults: Iterator[Fault], until: float) -> None:
        """Until a moment of `time.monotonic`. Raises NotRecovered."""
        for fault in faults:
            if time.monotonic() >= until:
                return
            if str(fault) not in self._report.impossible:
                await self._cause(fault)
            await asyncio.sleep(self._rng.uniform(0, BETWEEN_S))

    async def _cause(self, fault: Fault) -> None:
        began = time.monotonic()
        self._live.show(
            f"{fault} | {self._journal.acknowledged:,} orders acknowledged, {len(self._report.survived)} faults"
        )
        try:
            await self._act(fault)
        except Impossible as why:
            self._report.impossible[str(fault)] = str(why)
            return
        await self._recovered(fault, time.monotonic())
        ended = time.monotonic()
        self._report.survived.append(Survived(fault, ended - began, self._journal.longest(began, ended)))

    async def _act(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                await self._processes.kill(fault.target)
            case "restart":
                await self._processes.restart(fault.target)
            case "freeze":
                await self._processes.freeze(fault.target, lasting(fault, self._rng))
            case "cut":
                self._stores.require_cut()
                await self._stores.cut(fault.target)
            case _:
                self._stores.require_disk(fault.target)
                await self._stores.fill(fault.target, lasting(fault, self._rng))

    async def _recovered(self, fault: Fault, since: float) -> None:
        """Every product has taken an order that was sent after the fault, and the read side has passed it."""
        deadline = since + RECOVERED_S
        wanted: dict[str, Seen] = {}
        while True:
            fresh = {product: seen for product, seen in self._journal.seen.items() if seen.began >= since}
            wanted = fresh | wanted
            missing = self._journal.seen.keys() - wanted.keys()
            if not missing and await self._shown(wanted):
                return
            if time.monotonic() > deadline:
                what = f"no order of {', '.join(sorted(missing))} is taken" if missing else "the read side stands still"
                raise NotRecovered(f"{RECOVERED_S:.0f} s after the end of `{fault}` {what}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _shown(self, wanted: Mapping[str, Seen]) -> bool:
        try:
            positions = await self._exchange.positions()
        except Unavailable:
            return False
        return all(positions.get(seen.partition, -1) >= seen.offset for seen in wanted.values())
