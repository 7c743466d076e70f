"""A replay of the recording on several products at once, with what a person sees of it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from sim import recording
from sim.exchange import Exchange
from sim.live import Live, bar
from sim.market import Market
from sim.products import ensure_listed, names
from sim.receipts import Receipts
from sim.recording import Row
from sim.replay import Replay, plan

SHOW_EVERY_S: Final = 0.25
SECONDS_OF_RATE: Final = 3.0


async def replay(
    exchange: Exchange, live: Live, products: int = 1, speed: float | None = None, limit: int | None = None
) -> list[Receipts]:
    """List the products and send the recording (its first `limit` rows) to each; what was promised of each."""
    live.show("reading the recording")
    rows = await asyncio.to_thread(recording.rows, recording.path(), limit)
    chosen = names(products)
    for name in chosen:
        await ensure_listed(exchange, name)
    began = time.monotonic()
    replays = await _send(exchange, live, chosen, rows, speed)
    live.say(_summary(replays, time.monotonic() - began))
    return [each.receipts for each in replays]


async def _send(
    exchange: Exchange, live: Live, chosen: Sequence[str], rows: Sequence[Row], speed: float | None
) -> list[Replay]:
    requests = await asyncio.to_thread(plan, rows, speed)
    name = f"rec{len(rows)}x{'max' if speed is None else f'{speed:g}'}"
    replays = [Replay(exchange, product, requests, name) for product in chosen]
    display = asyncio.create_task(_display(exchange, live, replays, len(rows) * len(replays)))
    try:
        async with asyncio.TaskGroup() as group:
            for each in replays:
                group.create_task(each.run(speed))
    finally:
        display.cancel()
        await asyncio.gather(display, return_exceptions=True)
        live.close()
    return replays


async def _display(exchange: Exchange, live: Live, replays: Sequence[Replay], total: int) -> None:
    market = Market(exchange, [each.receipts.product for each in replays], lambda: _asked(replays))
    rate = Rate()
    async with asyncio.TaskGroup() as group:
        group.create_task(market.watch())
        while True:
            sent = sum(each.sent for each in replays)
            done = sent + sum(each.skipped for each in replays)
            per_second = rate.of(sent)
            live.show(f"replay {bar(done, total)} | {per_second:,.0f} orders/s | {market.line(per_second)}")
            await asyncio.sleep(SHOW_EVERY_S)


def _asked(replays: Sequence[Replay]) -> dict[int, int]:
    last: dict[int, int] = {}
    for each in replays:
        if each.receipts.partition is not None:
            partition = each.receipts.partition
            last[partition] = max(last.get(partition, -1), each.receipts.last)
    return last


def _summary(replays: Sequence[Replay], seconds: float) -> str:
    sent, skipped = sum(each.sent for each in replays), sum(each.skipped for each in replays)
    if not sent:
        return f"the recording is in already ({skipped:,} orders, {len(replays)} products)"
    before = f" after {skipped:,} of an earlier run" if skipped else ""
    return f"replayed {sent:,} orders{before} in {seconds:.1f} s: {sent / seconds:,.0f} a second acknowledged"


class Rate:
    """How fast a count has grown in the last `SECONDS_OF_RATE`."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def of(self, count: int) -> float:
        now = time.monotonic()
        self._seen = [(at, seen) for at, seen in self._seen if now - at <= SECONDS_OF_RATE]
        self._seen.append((now, count))
        at, seen = self._seen[0]
        return (count - seen) / (now - at) if now > at else 0.0
