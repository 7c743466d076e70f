"""The check against Postgres: what the projector writes of all rules holds, and a row that says otherwise is named."""

import asyncio

import asyncpg
import pytest

from deploy.local.servers import Addresses
from libs.events.events import ClusterSizeChanged
from sim.check.difference import Difference
from sim.check.outcomes import Outcomes
from sim.check.tables import Tables
from sim.check.tables import connected as checking
from tests.unit.read_model.stage import database, memory_log, projected, projecting, publish
from tests.unit.sim.every_rule import every_rule
from tests.unit.sim.script import Script
from tests.unit.sim.streamed import streamed

LENGTH = 1_500

TAMPERED = [
    ("taken_off", "UPDATE orders SET taken_off = taken_off + 1 WHERE client_oid = 'own1'"),
    ("displayed", "UPDATE orders SET displayed = displayed - 1 WHERE client_oid = 'ice'"),
    ("status", "UPDATE orders SET status = 2 WHERE client_oid = 'stop3'"),
    ("stop_price", "UPDATE orders SET stop_price = 96 WHERE client_oid = 'stop3'"),
    ("max_floor", "UPDATE orders SET max_floor = 0 WHERE client_oid = 'ice'"),
    ("expire_time", "UPDATE orders SET expire_time = 0 WHERE client_oid = 'gtd'"),
    ("stp", "UPDATE orders SET stp = 1 WHERE client_oid = 'own3'"),
    ("reject_reason", "UPDATE orders SET reject_reason = 1 WHERE client_oid = 'off'"),
    ("priority", "UPDATE orders SET priority = priority + 1 WHERE client_oid = 'stop3'"),
    ("in Postgres, which the log has not|orders of partition 0", "DELETE FROM orders WHERE client_oid = 'gtd'"),
    ("last trade", "UPDATE products SET last_price = 1"),
    ("open_orders", "DELETE FROM open_orders"),
    ("archived", "DELETE FROM order_events WHERE seq = 9"),
]


async def written(address: str, script: Script) -> None:
    grown = [event.partitions for event in script.events if isinstance(event, ClusterSizeChanged)]
    log = memory_log(max([1, *grown]))
    await publish(log, 0, script.events)
    async with checking(address) as connection, projecting(address, log):
        await projected(connection, {0: script.events[-1].seq})


async def compare(connection: "asyncpg.Connection[asyncpg.Record]", outcomes: Outcomes) -> None:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await Tables(connection, 0).compare(outcomes)


@pytest.mark.parametrize("seed", range(3))
def test_what_the_projector_writes_holds(servers: Addresses, seed: int) -> None:
    async def scenario() -> None:
        script = streamed(seed, LENGTH, sensible=True)
        async with database(servers.postgres) as address:
            await written(address, script)
            async with checking(address) as connection:
                await compare(connection, script.check(script.events))

    asyncio.run(scenario())


def test_a_row_that_says_otherwise_is_named(servers: Addresses) -> None:
    async def scenario() -> None:
        script = every_rule()
        script.events = script.events[:-7]  # before the product goes, with all that stands then
        while not script.events[-1].last:
            script.events.pop()
        outcomes = script.check(script.events)
        assert outcomes.products
        async with database(servers.postgres) as address:
            await written(address, script)
            async with checking(address) as connection:
                await compare(connection, outcomes)
                for message, statement in TAMPERED:
                    transaction = connection.transaction()
                    await transaction.start()
                    assert await connection.execute(statement) != "UPDATE 0", statement
                    with pytest.raises(Difference, match=message):
                        await Tables(connection, 0).compare(outcomes)
                    await transaction.rollback()

    asyncio.run(scenario())
