"""A client that asks for one thing after another, each until it is answered, and writes down what it was promised.

It sends the same body with the same key again as long as the answer says that it may, or does not come at all: what
every client of an exchange has to do that wants to know what became of its order.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from libs.events import ids
from sim.chaos.journal import Journal, Trail
from sim.exchange import Exchange, Refused, Result, persistently
from sim.receipts import Promise

PATIENCE_S: Final = 120.0
MOST_OPEN: Final = 40
MOST_ITEMS: Final = 5
START_CENTS: Final = 7_800_000
SPREAD_CENTS: Final = 300
KINDS: Final = ("GTC", "GTC", "GTC", "IOC", "FOK", "GTC post")
HARMLESS: Final = frozenset(("unknown_order",))
"""Refusals that say nothing of the exchange: the order a request is about may be gone."""

Item = dict[str, str | bool]


class Client:
    def __init__(self, exchange: Exchange, journal: Journal, account: str, product: str, run: str, seed: int) -> None:
        self.trail = Trail(account, product)
        self._exchange = exchange
        self._journal = journal
        self._run = f"{run}-{account}-{product}"
        self._rng = random.Random(seed)  # noqa: S311  traffic, no secret
        self._open: list[str] = []
        self._count = 0
        self._requests = 0

    async def trade(self, pause_s: float) -> None:
        """Until cancelled; a request in flight is then answered no more, and counts as not promised."""
        while True:
            await self.ask()
            await asyncio.sleep(self._rng.uniform(0, 2 * pause_s))

    async def ask(self) -> None:
        """One request: mostly a single order, now and then a batch."""
        items = [self._item() for _ in range(1 if self._rng.random() < 0.7 else self._rng.randint(2, MOST_ITEMS))]
        self._requests += 1
        body, key, attempts = msgspec.json.encode({"orders": items}), f"{self._run}-{self._requests}", 0
        single = msgspec.json.encode({name: value for name, value in items[0].items() if name != "op"})

        async def attempt() -> Sequence[Result]:
            nonlocal attempts
            attempts += 1
            if len(items) == 1 and items[0]["op"] == "place":
                return [await self._exchange.place(single, self.trail.account)]
            return await self._exchange.batch(body, key, self.trail.account)

        began = time.monotonic()
        results = await persistently(attempt, PATIENCE_S)
        self._journal.answered(began, time.monotonic(), attempts)
        for item, result in zip(items, results, strict=True):
            self._note(item, result, began)

    def _note(self, item: Item, result: Result, began: float) -> None:
        if result.status != 202:
            if result.code in HARMLESS:
                return
            raise Refused(f"{item} was refused: {result.status} {result.code} {result.field or ''}")
        partition, _, offset = result.position.partition(":")
        promise = Promise(int(offset), ids.parse(result.command_id))
        if self.trail.partition not in {-1, int(partition)}:
            raise Refused(f"{self.trail.product} was in partition {self.trail.partition} and now is in {partition}")
        self.trail.partition = int(partition)
        self.trail.promises.append(promise)
        if item["op"] == "place":
            self.trail.places[str(item["client_oid"])] = promise
        self._journal.promised(self.trail.product, began, int(partition), int(offset))

    def _item(self) -> Item:
        drawn = self._rng.random()
        if len(self._open) >= MOST_OPEN or (self._open and drawn < 0.25):
            name = self._open.pop(self._rng.randrange(len(self._open)))
            return {"op": "cancel", "product_id": self.trail.product, "client_oid": name}
        if self._open and drawn < 0.4:
            name = self._rng.choice(self._open)
            return {"op": "amend", "product_id": self.trail.product, "client_oid": name, "size": self._size()}
        return self._place()

    def _place(self) -> Item:
        self._count += 1
        name, kind, side = f"{self._run}-o{self._count}", self._rng.choice(KINDS), self._rng.choice(("buy", "sell"))
        cents = START_CENTS + self._rng.randint(-SPREAD_CENTS, SPREAD_CENTS)
        item: Item = {
            "op": "place", "product_id": self.trail.product, "side": side, "type": "limit",
            "price": f"{cents // 100}.{cents % 100:02}", "size": self._size(), "client_oid": name,
        }  # fmt: skip
        if kind.startswith("GTC"):
            self._open.append(name)
        if kind == "GTC post":
            return item | {"post_only": True}
        return item | {"time_in_force": kind}

    def _size(self) -> str:
        return f"0.{self._rng.randint(1, 9_999_999):08}"
