"""Drives a recorded market through the API: in order within each product, side by side over products.

One batch of a product is in flight, never two, so its orders arrive as they were recorded. A batch that finds no
answer is sent again with the same key until it is answered: whatever dies meanwhile, nothing is lost or done twice.
A replay that was ended goes on behind the last order that is in, which the exchange itself is asked for: what tells
a repeat from a new order is kept for a while only, so nothing is sent again that is known. What follows that order up
to the next may go twice, cancels and amends whose repeats do nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from sim.exchange import Exchange, Order, persistently
from sim.market_by_order import Row
from sim.plan import Batch, account, batches, rest
from sim.receipts import Receipts
from sim.recording import units

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

    async def run(self, speed: float | None) -> None:
        """Send everything that is not in yet, at so many times the real speed."""
        missing = await self._missing()
        pace = Pace(speed, self._requests[missing[0][0]].due) if missing else Pace(None, 0)
        for number, start in missing:
            batch = self._requests[number]
            await pace.until(batch.due)
            await self._send(rest(batch, start) if start else batch, f"-{start}" if start else "")

    async def _missing(self) -> list[tuple[int, int]]:
        """The batches to send, each with the number of its rows that an earlier run has sent."""
        if await self._is_complete():
            self.skipped = sum(len(batch.rows) for batch in self._requests)
            return []
        first = await self._first_missing()
        start = await self._known_rows(self._requests[first]) if self._requests else 0
        self.skipped = start + sum(len(batch.rows) for batch in self._requests[:first])
        found = [(number, 0) for number in range(first, len(self._requests))]
        if start:
            found[0] = (first, start)
        return found if not start or start < len(self._requests[first].rows) else found[1:]

    async def _send(self, batch: Batch, suffix: str) -> None:
        key = f"{self._name}-{self._product}-{batch.number}{suffix}"
        if batch.status:
            await persistently(lambda: self._exchange.set_status(self._product, batch.status, key), PATIENCE_S)
            self.sent += len(batch.rows)
            return
        body = batch.body(self._product, await self._filled(batch.changed()))
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
        """The number of the first batch to send: the one that may be in by half."""
        low, high = 0, len(self._requests)
        while low < high:  # every batch before `low` is begun, none from `high` on
            middle = (low + high) // 2
            if await self._is_begun(self._requests[middle]):
                low = middle + 1
            else:
                high = middle
        return max(low - 1, 0)

    async def _known_rows(self, batch: Batch) -> int:
        """How many rows of a batch stand up to the last order of it that is known."""
        placed = [at for at, row in enumerate(batch.rows) if _places(row)]
        low, high = 0, len(placed)
        while low < high:
            middle = (low + high) // 2
            if await self._look(batch.rows[placed[middle]].order) is not None:
                low = middle + 1
            else:
                high = middle
        return placed[low - 1] + 1 if low else 0

    async def _is_begun(self, batch: Batch) -> bool:
        """Whether its first order is known. A batch that places none counts as the one before it."""
        for earlier in reversed(self._requests[: batch.number + 1]):
            for row in earlier.rows:
                if _places(row):
                    return await self._look(row.order) is not None
        return False

    async def _is_complete(self) -> bool:
        """Whether the orders of the last rows are as these leave them."""
        closing = [row for batch in self._requests[-CLOSING_ROWS:] for row in batch.rows][-CLOSING_ROWS:]
        deleted = {row.order for row in closing if row.action == "deleted"}
        for row in closing:
            if row.action in {"changed", "reduced", "status"} or not units(row.volume):
                continue
            found = await self._look(row.order)
            if found is None or (row.order in deleted and found.status != "done"):
                return False
        return bool(closing)


def _places(row: Row) -> bool:
    """Whether an order comes of it: the API refuses one of volume 0."""
    return row.action in {"created", "taken"} and units(row.volume) > 0
