"""Drives the recording through the API: in order within each product, side by side over products.

One batch of a product is in flight, never two, so its orders arrive as they were recorded. A batch that finds no
answer is sent again with the same key until it is answered: whatever dies meanwhile, nothing is lost or done twice.
A replay that was ended goes on at its first batch that is not in, which the exchange itself is asked for.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from sim.exchange import Exchange, Order, persistently
from sim.plan import Batch, account, batches
from sim.receipts import Receipts
from sim.recording import Row, units

PATIENCE_S: Final = 120.0
"""How long an exchange may be away before the replay gives up."""
SPAN_MS: Final = 100
"""At a limited speed: real time that one batch covers."""
CLOSING_ROWS: Final = 20
"""A recording is in when the orders its last rows delete are done."""


class Pace:
    """When a moment of the recording is due. Without a speed, at once."""

    def __init__(self, speed: float | None, first: int) -> None:
        self._speed = speed
        self._first = first
        self._began = time.monotonic()

    async def until(self, moment: int) -> None:
        if self._speed is None:
            return
        due = self._began + (moment - self._first) / 1000 / self._speed
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def plan(rows: Sequence[Row], speed: float | None) -> list[Batch]:
    """The requests of a replay at this speed; None is as fast as it goes."""
    return list(batches(rows, span=None if speed is None else int(SPAN_MS * speed)))


class Replay:
    """The recording on one product."""

    def __init__(self, exchange: Exchange, product: str, requests: Sequence[Batch], name: str) -> None:
        """`name` tells this plan from others cut differently, in the keys of its requests."""
        self.receipts = Receipts(product)
        self.sent = 0
        """Rows answered in this run."""
        self.skipped = 0
        """Rows that an earlier run has sent."""
        self._exchange = exchange
        self._product = product
        self._requests = requests
        self._name = name

    async def run(self, pace: Pace) -> None:
        """Send everything that is not in yet."""
        start = await self._first_missing()
        self.skipped = sum(len(batch.rows) for batch in self._requests[:start])
        for batch in self._requests[start:]:
            await pace.until(batch.due)
            await self._send(batch)

    async def _send(self, batch: Batch) -> None:
        body = batch.body(self._product, await self._filled(batch.changed()))
        key = f"{self._name}-{self._product}-{batch.number}"
        results = await persistently(lambda: self._exchange.batch(body, key), PATIENCE_S)
        if len(results) != len(batch.rows):
            raise ValueError(f"{len(batch.rows)} items were answered with {len(results)} results")
        self.receipts.add(results)
        self.sent += len(batch.rows)

    async def _filled(self, orders: Sequence[str]) -> dict[str, int]:
        """What the exchange has filled of these, in units, everything sent so far counted in."""
        position = self.receipts.position
        filled = {}
        for order in orders:
            found = await self._look(order, position)
            filled[order] = 0 if found is None else units(found.filled_size)
        return filled

    async def _look(self, order: str, position: str = "") -> Order | None:
        return await persistently(
            lambda: self._exchange.order(order, self._product, account(order), position), PATIENCE_S
        )

    async def _first_missing(self) -> int:
        """The number of the first batch to send: the one that may be in by half, and all behind it."""
        if await self._is_complete():
            return len(self._requests)
        low, high = 0, len(self._requests)
        while low < high:  # every batch before `low` is begun, none from `high` on
            middle = (low + high) // 2
            if await self._is_begun(self._requests[middle]):
                low = middle + 1
            else:
                high = middle
        return max(low - 1, 0)

    async def _is_begun(self, batch: Batch) -> bool:
        """Whether its first order is known. A batch that places none counts as the one before it."""
        for earlier in reversed(self._requests[: batch.number + 1]):
            for row in earlier.rows:
                if row.action == "created" and units(row.volume):
                    return await self._look(row.order) is not None
        return False

    async def _is_complete(self) -> bool:
        """Whether the orders of the last rows are as these leave them."""
        closing = [row for batch in self._requests[-CLOSING_ROWS:] for row in batch.rows][-CLOSING_ROWS:]
        deleted = {row.order for row in closing if row.action == "deleted"}
        for row in closing:
            if row.action == "changed" or not units(row.volume):
                continue
            found = await self._look(row.order)
            if found is None or (row.order in deleted and found.status != "done"):
                return False
        return bool(closing)
