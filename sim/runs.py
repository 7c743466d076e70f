"""A replay of a recorded market on several products at once, with what a person sees of it."""

import asyncio
import time
import zlib
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from sim.exchange import Exchange
from sim.live import Live, bar
from sim.market import Market
from sim.market_by_order import NoRecording, Row, Source
from sim.products import EIGHT, ensure_listed, listing, names
from sim.receipts import Receipts
from sim.replay import Replay, plan
from sim.sources import opened

SHOW_EVERY_S: Final = 0.25
SECONDS_OF_RATE: Final = 3.0


MOST_ROWS: Final = 5_000_000
"""Of a file that is sent over HTTP: rows and requests stand in memory, about a kilobyte each."""


class Wanted(NamedTuple):
    """How a market is replayed. `speed` is times the real one, None as fast as it goes; `limit` counts lines of the file."""

    speed: float | None = None
    limit: int | None = None
    product: str | None = None
    """Where to, unless it is the market's own."""


WHOLE: Final = Wanted()


async def replay(
    exchange: Exchange, live: Live, products: int = 1, wanted: Wanted = WHOLE, source: Source | None = None
) -> list[Receipts]:
    """List the products and send the market (the demo's recording unless another is given) to each; what was promised."""
    live.show("reading the recorded market")
    market: Source = await asyncio.to_thread(opened) if source is None else source
    rows = await asyncio.to_thread(_read, market, wanted.limit)
    chosen = _chosen(market, products, wanted.product)
    for name in chosen:
        await ensure_listed(exchange, name, listing(name, market.price_increment, market.size_increment))
    for kind, count in sorted(market.tally.items()):
        live.say(f"{count:,} {kind}")
    began = time.monotonic()
    replays = await _send(exchange, live, chosen, rows, wanted.speed)
    live.say(_summary(replays, time.monotonic() - began))
    return [each.receipts for each in replays]


def _chosen(market: Source, products: int, product: str | None) -> list[str]:
    """One product by name, or the market's own; the demo's recording may go to many at once."""
    if products == 1:
        return [product or market.product]
    if product is not None or market.product not in EIGHT:
        raise NoRecording("This market goes to one product: leave out --products.")
    return names(products)


def _read(market: Source, limit: int | None) -> list[Row]:
    rows = list(islice(market.rows(limit), MOST_ROWS + 1))
    if len(rows) > MOST_ROWS:
        raise NoRecording(f"More than {MOST_ROWS:,} rows do not fit into memory: give a --limit, or use --core.")
    if not rows:
        raise NoRecording("The file holds nothing to replay.")
    return rows


def plan_name(rows: Sequence[Row], speed: float | None) -> str:
    """Tells a replay of these rows, cut like this, from every other one, in the keys of its requests."""
    checksum = 0
    for row in rows:
        checksum = zlib.crc32(repr(row).encode(), checksum)
    return f"rec{len(rows)}-{checksum:08x}x{'max' if speed is None else f'{speed:g}'}"


async def _send(
    exchange: Exchange, live: Live, chosen: Sequence[str], rows: Sequence[Row], speed: float | None
) -> list[Replay]:
    requests = await asyncio.to_thread(plan, rows, speed)
    name = await asyncio.to_thread(plan_name, rows, speed)
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
