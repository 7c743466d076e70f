"""What integration tests of the read side stand on: a database of their own, a log with traffic in it, a projector."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import structlog

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.events.codec import encode
from libs.events.events import AnyEvent
from libs.events.topics import API_KEYS, OPERATOR_AUDIT, OPERATOR_TASKS, ORDER_EVENTS, PRODUCTS
from libs.kafka.cluster import Readable
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry, Log, Outbox
from libs.read_model.bootstrap import Books, read_books
from libs.read_model.connect import Connection
from libs.read_model.database import Postgres
from libs.service.clock import SystemClock
from libs.service.process import Process
from services.read_model_builder.projector import Projector
from services.read_model_builder.settings import BuilderSettings
from tests.unit.read_model.naive import NaiveTables, Row
from tests.unit.read_model.traffic import Traffic

LIMIT_S = 30.0


@asynccontextmanager
async def database(server: str) -> AsyncIterator[str]:
    """A database of this test's own; its address."""
    name = f"read_{os.urandom(6).hex()}"
    await _administer(server, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(address)
    try:
        yield connection
    finally:
        await connection.close()


def memory_log(partitions: int) -> MemoryLog:
    broker = Broker()
    for topic in (ORDER_EVENTS, PRODUCTS):
        broker.create_topic(topic, partitions)
    for topic in (API_KEYS, OPERATOR_AUDIT, OPERATOR_TASKS):
        broker.create_topic(topic, 1)
    return MemoryLog(broker)


async def publish(
    log: Log, partition: int, events: Sequence[AnyEvent], in_one: int = 7, topic: str = ORDER_EVENTS
) -> None:
    """In transactions of some events each, which may well end in the middle of a command."""
    await publish_values(log, partition, [encode(event) for event in events], in_one, topic)


async def publish_values(
    log: Log, partition: int, values: Sequence[bytes], in_one: int = 7, topic: str = ORDER_EVENTS
) -> None:
    writer = log.transactional_writer(f"stage-{topic}-{partition}")
    await writer.start()
    try:
        for start in range(0, len(values), in_one):
            entries = [Entry(b"", value) for value in values[start : start + in_one]]
            await writer.commit([Outbox(topic, partition, entries)], None)
    finally:
        await writer.close()


def process(address: str, **limits: int) -> Process[BuilderSettings]:
    quick = {"idle_poll_ms": 20, "gather_ms": 5, "brief_ms": 1, "backoff_first_ms": 5, "backoff_last_ms": 50}
    settings = msgspec.convert({"postgres": address, **quick, **limits}, BuilderSettings)
    return Process("read_model_builder", settings, structlog.get_logger(), SystemClock())


@asynccontextmanager
async def projecting(address: str, log: Readable, **limits: int) -> AsyncIterator[Process[BuilderSettings]]:
    """A projector beside the test; what ended it is raised at the end."""
    made = process(address, **limits)
    work = asyncio.create_task(Projector(made, log, Postgres(address)).run())
    try:
        yield made
    finally:
        made.stop.set()
        await work


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            while not await condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {LIMIT_S} s: {what}") from None


async def projected(connection: Connection, wanted: Mapping[int, int]) -> None:
    """Wait until partitions are projected up to these seqs."""

    async def reached() -> bool:
        try:
            rows = await connection.fetch("SELECT partition, next_seq FROM projection_offsets")
        except asyncpg.UndefinedTableError:
            return False
        found = {row["partition"]: row["next_seq"] for row in rows}
        return all(found.get(partition, 0) > seq for partition, seq in wanted.items())

    await until(reached, f"projection up to {wanted}")


async def project_all(address: str, log: Readable, traffics: Sequence[Traffic], **limits: int) -> None:
    async with connected(address) as connection, projecting(address, log, **limits):
        await projected(connection, {traffic.partition: traffic.state.seq for traffic in traffics})


async def assert_exact(address: str, traffics: Sequence[Traffic]) -> None:
    """Every table is what the oracle makes of the log, and the books that come out of them are the engine's."""
    oracle = NaiveTables()
    for traffic in traffics:
        for event in traffic.events:
            oracle.apply(event, traffic.partition)
    async with connected(address) as connection:
        assert {row["order_id"]: row for row in await _rows(connection, "orders")} == oracle.orders
        opened = {row["order_id"]: row["account"] for row in await _rows(connection, "open_orders")}
        assert opened == oracle.open_orders
        assert {(row["number"], row["trade_id"]): row for row in await _rows(connection, "trades")} == oracle.trades
        assert {row["number"]: row for row in await _rows(connection, "products")} == oracle.products
        candles = {(row["number"], row["granularity"], row["time"]): row for row in await _rows(connection, "candles")}
        assert candles == oracle.candles
        holdings = {(row["account"], row["number"]): row for row in await _rows(connection, "holdings")}
        assert holdings == oracle.holdings
        prevented = [(row["maker_order_id"], row["seq"]) for row in await _rows(connection, "self_trades")]
        assert sorted(prevented, key=repr) == sorted(oracle.self_trades, key=repr)
        await _assert_archive(connection, traffics)
        _assert_books(await read_books(connection), traffics)


async def _rows(connection: Connection, table: str) -> list[Row]:
    rows = await connection.fetch(f"SELECT * FROM {table}")
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    return value.bytes if hasattr(value, "bytes") else value


async def _assert_archive(connection: Connection, traffics: Sequence[Traffic]) -> None:
    for traffic in traffics:
        rows = await connection.fetch(
            "SELECT seq, event FROM order_events WHERE partition = $1 ORDER BY seq", traffic.partition
        )
        assert [tuple(row) for row in rows] == [(event.seq, encode(event)) for event in traffic.events]


def _assert_books(books: Books, traffics: Sequence[Traffic]) -> None:
    for traffic in traffics:
        state, found = traffic.state, books.states[traffic.partition]
        assert (found.seq, found.time, found.command_offset) == (state.seq, state.time, state.command_offset)
        assert found.tombstones == state.tombstones
        assert found.counter == state.counter
        assert sorted(found.products) == sorted(state.products)
        for number, book in state.products.items():
            same = found.products[number]
            assert (same.product, same.sequence, same.trade_id) == (book.product, book.sequence, book.trade_id)
            for side in (1, 2):
                assert _queue(found, number, side) == _queue(state, number, side)
            assert [_row(order) for order in same.stops] == [_row(order) for order in book.stops]


def _queue(state: PartitionState, number: int, side: int) -> list[tuple[object, ...]]:
    return [_row(order) for level in state.products[number].ladder(side) for order in level]


def _row(order: Order) -> tuple[object, ...]:
    """Everything but the idempotency key, which the tables do not hold."""
    return (order.client_oid, *(getattr(order, name) for name in order.__struct_fields__ if name != "label"))
