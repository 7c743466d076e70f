"""Postgres in memory is Postgres, as far as the projector, the live book and the check can tell: the same batches leave the
same rows, every statement that reads finds the same, and transactions keep the same promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final, NamedTuple

import pytest

from deploy.local.servers import Addresses
from libs.events.codec import encode
from libs.events.values import TradingStatus
from libs.kafka.memory.storage import MemoryRecord
from libs.read_model import bootstrap, trades
from libs.read_model.connect import Connection, Uuid
from libs.read_model.database import Database, Postgres
from libs.read_model.positions import Position, read_positions
from libs.service.failures import Transient
from services.read_model_builder.changes import Changes
from services.read_model_builder.intake import Intake, Piece
from services.read_model_builder.store import Store, Superseded, open_store
from sim.check import tables as check
from tests.simulation.postgres.server import Server
from tests.simulation.postgres.statements import READS
from tests.simulation.postgres.tables import KEYS
from tests.unit.read_model import stage
from tests.unit.read_model.traffic import START, Traffic

COMMANDS: Final = 400
PARTITIONS: Final = 2
_OF_A_PARTITION: Final = (check._ORDERS, check._TRADES, check._ARCHIVED, check._OPEN)
_DELISTED: Final = int(TradingStatus.DELISTED)


class Pair(NamedTuple):
    memory: Server
    real: Database


@asynccontextmanager
async def pair(servers: Addresses) -> AsyncIterator[Pair]:
    async with stage.database(servers.postgres) as address:
        real = Postgres(address)
        await real.migrate()
        yield Pair(Server(), real)


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[Connection]:
    connection = await database.connect("contract", 10.0)
    try:
        yield connection
    finally:
        connection.terminate()


def pieces(traffic: Traffic, limit: int) -> list[Piece]:
    values = [encode(event) for event in traffic.events]
    intake = Intake(Position(traffic.partition))
    intake.feed([
        MemoryRecord("order-events", traffic.partition, 2 * at, 0, None, value, ()) for at, value in enumerate(values)
    ])  # fmt: skip
    found: list[Piece] = []
    while (piece := intake.take(limit)) is not None:
        found.append(piece)
    return found


async def commit(store: Store, piece: Piece) -> None:
    changes = Changes()
    changes.apply(piece)
    await store.commit([piece], changes, START)


async def fill(database: Database, limit: int) -> None:
    async with open_store(database, 1, 10.0) as store:
        await store.positions(range(PARTITIONS))
        for partition in range(PARTITIONS):
            traffic = Traffic(partition, seed=5, product_id=f"BTC-{partition}")
            traffic.run(COMMANDS)
            traffic.relist()
            traffic.run(COMMANDS // 4)
            traffic.run_into_failures()
            for piece in pieces(traffic, limit):
                await commit(store, piece)


def plain(value: object) -> object:
    if isinstance(value, Uuid):
        return value.bytes
    return int(value) if isinstance(value, Decimal) else value


async def found(connection: Connection, statement: str, *args: object) -> list[tuple[object, ...]]:
    return [tuple(map(plain, row)) for row in await connection.fetch(statement, *args)]


@pytest.mark.parametrize("limit", [3, 150])
def test_the_same_batches_leave_the_same_rows(servers: Addresses, limit: int) -> None:
    async def scenario() -> None:
        async with pair(servers) as both, connected(both.real) as real:
            for database in both:
                await fill(database, limit)
            for table in KEYS.keys() - {"days"}:
                rows = [
                    {name: plain(value) for name, value in row.items()}
                    for row in await real.fetch(f"SELECT * FROM {table}")
                ]
                twins = [
                    {name: plain(value) for name, value in row.items()} for row in both.memory.moment[table].values()
                ]
                assert rows, table
                assert sorted(rows, key=_key(table)) == sorted(twins, key=_key(table)), table

    asyncio.run(scenario())


def _key(table: str) -> Callable[[dict[str, object]], str]:
    return lambda row: repr([row[name] for name in KEYS[table]])


def test_every_statement_that_reads_finds_the_same(servers: Addresses) -> None:
    async def scenario() -> None:
        async with pair(servers) as both, connected(both.memory) as memory, connected(both.real) as real:
            for database in both:
                await fill(database, 40)
            asked = set()
            for statement, args in _asked():
                asked.add(statement)
                assert sorted(await found(memory, statement, *args)) == sorted(await found(real, statement, *args))
            assert asked == READS.keys(), "a statement that this test does not ask"
            books = [await bootstrap.read_books(connection) for connection in (memory, real)]
            assert books[0].products == books[1].products
            assert books[0].positions == books[1].positions
            for connection in (memory, real):
                assert sorted(await trades.volumes(connection, 0, 60_000_000_000)) == sorted(
                    await trades.volumes(memory, 0, 60_000_000_000)
                )

    asyncio.run(scenario())


def _asked() -> list[tuple[str, tuple[object, ...]]]:
    asked: list[tuple[str, tuple[object, ...]]] = [
        (statement, (partition,)) for statement in _OF_A_PARTITION for partition in range(PARTITIONS)
    ]
    given = {"since": 0, "bucket": 1_000_000_000}
    asked.append((trades._VOLUME.text, tuple(given[name] for name in trades._VOLUME._names)))
    asked += [(check._LISTED_IDS, (_DELISTED,)), (check._LISTED, (0, _DELISTED)), (check._LISTED, (1, _DELISTED))]
    known = {statement for statement, _ in asked}
    return [*asked, *((statement, ()) for statement in READS if statement not in known)]


Scenario = Callable[[Database], Awaitable[None]]


def on_both(servers: Addresses, scenario: Scenario) -> None:
    async def run() -> None:
        async with pair(servers) as both:
            for database in both:
                await scenario(database)

    asyncio.run(run())


def first_pieces() -> list[Piece]:
    traffic = Traffic()
    traffic.run(20)
    return pieces(traffic, 5)


def test_a_position_that_was_moved_on_is_superseded_and_nothing_is_written(servers: Addresses) -> None:
    async def scenario(database: Database) -> None:
        first, second = first_pieces()[:2]
        async with open_store(database, 1, 10.0) as store, connected(database) as reader:
            await store.positions([0])
            with pytest.raises(Superseded):
                await commit(store, second)
            assert await found(reader, check._ARCHIVED, 0) == [(0, 0)]
            await commit(store, first)
            with pytest.raises(Superseded):
                await commit(store, first)
            assert (await read_positions(reader))[0] == first.after

    on_both(servers, scenario)


def test_a_reader_of_one_moment_sees_no_later_commit(servers: Addresses) -> None:
    async def scenario(database: Database) -> None:
        first, second = first_pieces()[:2]
        async with open_store(database, 1, 10.0) as store, connected(database) as reader:
            await store.positions([0])
            await commit(store, first)
            async with reader.transaction(isolation="repeatable_read", readonly=True):
                before = await read_positions(reader)
                await commit(store, second)
                assert await read_positions(reader) == before
            assert (await read_positions(reader))[0] == second.after

    on_both(servers, scenario)


def test_a_second_writer_waits_and_then_finds_the_position_moved(servers: Addresses) -> None:
    async def scenario(database: Database) -> None:
        piece = first_pieces()[0]
        async with open_store(database, 1, 10.0) as one, open_store(database, 1, 10.0) as two:
            await one.positions([0])
            results = await asyncio.gather(commit(one, piece), commit(two, piece), return_exceptions=True)
            assert sorted(map(type, results), key=str) == sorted((type(None), Superseded), key=str)

    on_both(servers, scenario)


def test_a_connection_that_is_gone_says_so(servers: Addresses) -> None:
    async def scenario(database: Database) -> None:
        async with open_store(database, 1, 10.0) as store:
            store.check()
            store._connection.terminate()
            with pytest.raises(Transient):
                store.check()
            with pytest.raises(Transient):
                await store.positions([0])

    on_both(servers, scenario)
