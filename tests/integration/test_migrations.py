"""The tables: what the migrations make is what the queries are built on, and rows from before are kept."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection as Sync

from deploy.local.servers import Addresses
from libs.read_model import migrate as migrating
from libs.read_model.migrate import engine, migrate
from libs.read_model.schema import metadata
from tests.unit.read_model.stage import assert_exact, connected, database, memory_log, project_all, publish
from tests.unit.read_model.traffic import Traffic

CONFIG = Path(migrating.__file__).parent / "alembic.ini"
FIRST_ORDERS = """
INSERT INTO orders (
    order_id, price, size, remaining, displayed, filled_size, funds, created, updated, first_seq, seq, number, partition,
    side, status, post_only, executed_value, account, client_oid)
SELECT gen_random_uuid(), 5, 6, 6, 6, 0, 0, 1, 1, 1, 1, 256, 0, side, 2, false, 0, 'ann', coalesce(side::text, 'none')
FROM (VALUES (1::smallint), (NULL)) AS given (side)
"""


async def to_revision(address: str, revision: str) -> None:
    made = engine(address)

    def run(connection: Sync) -> None:
        config = Config(CONFIG)
        config.attributes["connection"] = connection
        (command.upgrade if revision == "head" else command.downgrade)(config, revision)

    async with made.begin() as connection:
        await connection.run_sync(run)
    await made.dispose()


def test_the_migrations_make_the_tables_of_the_schema(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address:
            await migrate(address)
            made = engine(address)
            async with made.connect() as connection:
                differences = await connection.run_sync(
                    lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
                )
            await made.dispose()
        assert differences == []

    asyncio.run(scenario())


def test_rows_from_before_are_kept_and_a_step_back_is_possible(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            await migrate(address)
            await to_revision(address, "0001")
            await connection.execute(FIRST_ORDERS)
            await to_revision(address, "head")
            rows = await connection.fetch(
                "SELECT side, stp, stop_price, max_floor, taken_off FROM orders ORDER BY side"
            )
            assert [tuple(row) for row in rows] == [(1, 1, 0, 0, 0), (None, None, 0, 0, 0)]

    asyncio.run(scenario())


def test_candles_and_holdings_are_made_of_the_trades_from_before(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address:
            log, traffic = memory_log(1), Traffic()
            traffic.run(400)
            await publish(log, 0, traffic.events)
            await project_all(address, log, [traffic])
            await to_revision(address, "0002")
            await to_revision(address, "head")
            await assert_exact(address, [traffic])

    asyncio.run(scenario())
