"""The projector on a real Postgres: exact after restarts, lost connections, rivals, and whatever the log holds."""

import asyncio

import pytest

from deploy.local.servers import Addresses
from libs.events.codec import encode
from libs.events.commands import CancelAllOrders, PlaceOrder
from libs.events.events import OrderAccepted, TradeExecuted
from libs.events.values import MAX_INTEGER, NO_ID, OrderType, Side, TimeInForce
from libs.kafka.memory import MemoryLog
from libs.read_model.archive import ensure_days
from libs.read_model.migrate import migrate
from libs.read_model.positions import CHANNEL, from_payload
from tests.unit.read_model.stage import (
    assert_exact,
    connected,
    database,
    memory_log,
    project_all,
    projected,
    projecting,
    publish,
    publish_values,
    until,
)
from tests.unit.read_model.traffic import Traffic


async def traffics(log: MemoryLog, commands: int, partitions: int = 2) -> list[Traffic]:
    made = [Traffic(partition, seed=3, product_id=f"P{partition}-USD") for partition in range(partitions)]
    for traffic in made:
        traffic.run(commands)
        traffic.relist()
        traffic.run(commands)
        await publish(log, traffic.partition, traffic.events)
    return made


def test_the_tables_are_the_fold_of_the_log(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address:
            log = memory_log(2)
            made = await traffics(log, 600)
            await project_all(address, log, made)
            await assert_exact(address, made)

    asyncio.run(scenario())


def test_a_restart_anywhere_changes_nothing(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            log = memory_log(2)
            made = await traffics(log, 300)
            for share in (5, 3, 2):
                async with projecting(address, log, batch_events=40, poll_records=30):
                    await projected(connection, {traffic.partition: traffic.state.seq // share for traffic in made})
            await project_all(address, log, made)
            await assert_exact(address, made)

    asyncio.run(scenario())


def test_rivals_and_lost_connections_leave_it_exact(servers: Addresses) -> None:
    """Two projectors of the same partitions: the positions let one win each batch. Meanwhile backends are killed."""

    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            log = memory_log(2)
            made = await traffics(log, 400)
            small = {"batch_events": 60, "poll_records": 50}
            async with projecting(address, log, **small), projecting(address, log, **small):
                for share in (8, 4, 2):
                    await projected(connection, {traffic.partition: traffic.state.seq // share for traffic in made})
                    await connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND application_name = 'outcry-projector'"
                    )
                await projected(connection, {traffic.partition: traffic.state.seq for traffic in made})
            await assert_exact(address, made)

    asyncio.run(scenario())


def test_every_transaction_ends_at_the_end_of_a_command(servers: Addresses) -> None:
    """A sweep of sixty makers is far longer than a poll and than a batch."""

    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            await migrate(address)
            told: list[str] = []

            def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
                told.append(str(payload))

            await connection.add_listener(CHANNEL, hear)
            log, traffic = memory_log(1), Traffic()
            traffic.run(30)
            sweep(traffic, 60)
            traffic.run(30)
            await publish(log, 0, traffic.events, in_one=3)
            await project_all(address, log, [traffic], poll_records=7, batch_events=5)
            await assert_exact(address, [traffic])
            await connection.remove_listener(CHANNEL, hear)
            ends = [position.next_seq - 1 for payload in told for position in from_payload(payload) or []]
            assert len(ends) > 10
            assert all(traffic.events[end - 1].last for end in ends)

    asyncio.run(scenario())


def sweep(traffic: Traffic, makers: int) -> None:
    number = traffic.number
    for account in range(6):
        traffic.send(
            CancelAllOrders(traffic.mint(number), f"account-{account}", number, NO_ID, "", 0, traffic.time, 0, None)
        )

    def place(side: Side, size: int) -> int:
        order_id = traffic.mint(number)
        events = traffic.send(
            PlaceOrder(
                order_id, side.name, number, order_id, "", 0, traffic.time, 0, None, side, OrderType.LIMIT, 10_000, size
            )
        )
        return sum(isinstance(event, TradeExecuted) for event in events)

    for _ in range(makers):
        place(Side.SELL, 2)
    assert place(Side.BUY, makers * 2) == makers


def test_rebuilding_from_the_beginning_gives_the_same_rows(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            log = memory_log(2)
            made = await traffics(log, 300)
            await project_all(address, log, made)
            await connection.execute(
                "TRUNCATE orders, open_orders, trades, self_trades, products, order_events, projection_offsets"
            )
            await project_all(address, log, made, batch_events=100)
            await assert_exact(address, made)

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["hole", "unreadable", "repeat"])
def test_a_broken_partition_stops_alone(servers: Addresses, kind: str) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            log = memory_log(2)
            good, bad = Traffic(0), Traffic(1)
            good.run(100)
            bad.run(100)
            whole = broken_at(bad)
            values = [encode(event) for event in bad.events]
            values = {
                "hole": values[:whole] + values[whole + 1 :],
                "unreadable": [*values[:whole], b"\xc1\xff", *values[whole:]],
                "repeat": [*values[:whole], values[whole - 1], *values[whole:]],
            }[kind]
            await publish_values(log, 1, values)
            await publish(log, 0, good.events)
            async with projecting(address, log) as process:
                await projected(connection, {0: good.state.seq, 1: whole})

                async def stopped() -> bool:
                    return "partition-1" in process.health.unready_reasons

                await until(stopped, "partition 1 says that it is stopped")
                await publish(log, 0, good.run(50))
                await projected(connection, {0: good.state.seq})
                assert "partition-0" not in process.health.unready_reasons
            assert await connection.fetchval("SELECT next_seq FROM projection_offsets WHERE partition = 1") == whole + 1

    asyncio.run(scenario())


def test_the_days_of_the_archive_can_be_made_by_many_at_once(servers: Addresses) -> None:
    async def scenario() -> None:
        async with database(servers.postgres) as address:
            await asyncio.gather(*(migrate(address) for _ in range(3)))

            async def ensure(first: int) -> None:
                async with connected(address) as connection:
                    await ensure_days(connection, range(first, first + 4))

            await asyncio.gather(*(ensure(20_000 + first) for first in range(4)))
            async with connected(address) as connection:
                count = await connection.fetchval(
                    "SELECT count(*) FROM pg_inherits WHERE inhparent = 'order_events'::regclass"
                )
            assert count == 7

    asyncio.run(scenario())


def test_the_largest_values_are_exact(servers: Addresses) -> None:
    """Price times size of two full 62-bit integers, twice."""

    async def scenario() -> None:
        async with database(servers.postgres) as address, connected(address) as connection:
            log, traffic = memory_log(1), Traffic()
            maker, taker = traffic.mint(traffic.number), traffic.mint(traffic.number)
            number, start = traffic.number, traffic.state.seq

            def accepted(seq: int, order_id: bytes) -> OrderAccepted:
                return OrderAccepted(
                    start + seq, number, seq, traffic.time, traffic.offset + seq, order_id, True, "ann", 0, 0, order_id, "",
                    Side.SELL, OrderType.LIMIT, MAX_INTEGER, MAX_INTEGER, MAX_INTEGER, TimeInForce.GTC, False, None,
                )  # fmt: skip

            def traded(seq: int) -> TradeExecuted:
                return TradeExecuted(
                    start + seq, number, seq, traffic.time, traffic.offset + seq, taker, True, "ann", 0, 0, seq, maker, taker,
                    "ann", "bob", Side.BUY, MAX_INTEGER, MAX_INTEGER, 0, 0, 0, 0,
                )  # fmt: skip

            events = [*traffic.events, accepted(1, maker), accepted(2, taker), traded(3), traded(4)]
            await publish(log, 0, events, in_one=1)
            async with projecting(address, log, batch_events=1):
                await projected(connection, {0: start + 4})
            rows = await connection.fetch("SELECT executed_value, filled_size FROM orders")
            assert [int(row["executed_value"]) for row in rows] == [2 * MAX_INTEGER**2] * 2
            assert [row["filled_size"] for row in rows] == [2 * MAX_INTEGER] * 2

    asyncio.run(scenario())


def broken_at(traffic: Traffic) -> int:
    """Behind the end of a command somewhere in the middle."""
    return next(at for at in range(100, len(traffic.events)) if traffic.events[at - 1].last)
