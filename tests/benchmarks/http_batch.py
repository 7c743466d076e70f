"""Rows 4 and 5: batches until Kafka has acknowledged them, and until Postgres shows what became of them."""

from typing import Final

from tests.benchmarks import batch, copy_in, publishing
from tests.benchmarks.child import ask
from tests.benchmarks.cpu import Meter
from tests.benchmarks.exchange import Exchange, drained
from tests.benchmarks.orders import fresh_tag
from tests.benchmarks.table import Figure, compared, milliseconds

ITEMS: Final = (100, 500)
WARM_UP_ITEMS: Final = (1, 100)
WARM_UP_S: Final = 10.0
_COPY_ROWS: Final = 500_000


async def warm_up(exchange: Exchange) -> None:
    """Kafka's virtual machine compiles what runs often; before that it is several times slower."""
    for items in WARM_UP_ITEMS:
        await _load(exchange, exchange.gateway, items, WARM_UP_S)
    await drained(exchange.addresses)


async def acknowledged(exchange: Exchange, seconds: float) -> list[Figure]:
    return [await _acknowledged(exchange, items, seconds) for items in ITEMS]


async def _acknowledged(exchange: Exchange, items: int, seconds: float) -> Figure:
    bare = await ask(
        "publishing",
        publishing.Task(exchange.addresses.kafka, len(exchange.products), items, seconds),
        publishing.Published,
    )
    meter = Meter()
    found = await _load(exchange, exchange.order_api, items, seconds)
    used = meter.used(found.accepted)
    await drained(exchange.addresses)
    notes = (f"a batch: p50 {milliseconds(found.p50)}, p99 {milliseconds(found.p99)}; refused {found.refused:,}", used)
    return compared(
        f"batches of {items} acknowledged", found.rate, bare.commands / bare.seconds, "orders/s", "bare publish", notes
    )


async def _load(exchange: Exchange, port: int, items: int, seconds: float) -> batch.Answers:
    return await ask("batch", batch.Task(port, items, seconds, fresh_tag(), list(exchange.products)), batch.Answers)


async def queryable(exchange: Exchange, seconds: float, *, recording: bool) -> list[Figure]:
    """Through the gateway, as a client comes."""
    meter = Meter()
    task = batch.Task(
        exchange.gateway,
        500,
        seconds,
        fresh_tag(),
        list(exchange.products),
        recording,
        exchange.addresses.postgres,
    )
    found = await ask("batch", task, batch.Answers)
    used = meter.used(found.accepted)
    copied = await ask("copy_in", copy_in.Task(exchange.addresses.postgres, _COPY_ROWS), copy_in.Copied)
    return [_queryable(found, copied, used, recording=recording)]


def _queryable(found: batch.Answers, copied: copy_in.Copied, used: str, *, recording: bool) -> Figure:
    what = "the recording" if recording else "a made market"
    behind = f"behind at most {found.most_behind:,} commands, {found.most_behind_seconds:.2f} s"
    load = f"{found.accepted:,} orders in {found.queryable_seconds:.1f} s, acknowledged at {found.rate:,.0f}/s"
    rows = f"COPY of {copied.rows:,} event rows: {copied.rows / copied.seconds:,.0f} rows/s"
    notes = (
        f"{load}; {behind}; refused {found.refused:,}{', the recording came to its end' * found.exhausted}",
        f"{copied.events_per_command:.2f} events a command; {rows}",
        used,
    )
    return compared(
        f"batches of 500 queryable, {what}",
        found.accepted / found.queryable_seconds,
        copied.rows / copied.seconds / copied.events_per_command,
        "orders/s",
        "COPY of the events of as many",
        notes,
    )
