"""The tables rebuilt beside a running projector and readers, which go on meanwhile and afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from structlog.types import EventDict

from deploy.local.servers import Addresses
from libs.kafka.memory import MemoryLog
from libs.read_model.bootstrap import read_books
from libs.read_model.connect import Connection
from libs.read_model.positions import read_positions
from libs.read_model.rebuilding import BEFORE, BESIDE, Claimed, claimed
from libs.service.process import Process
from services.read_model_builder.rebuild import Rebuild
from services.read_model_builder.settings import BuilderSettings
from tests.unit.read_model.stage import (
    assert_exact,
    connected,
    database,
    memory_log,
    process,
    projected,
    projecting,
    publish,
    until,
)
from tests.unit.read_model.traffic import Traffic

WRONG = ("UPDATE orders SET filled_size = 7", "DELETE FROM trades", "DELETE FROM open_orders", "DELETE FROM candles")
QUICK = {"rebuild_look_ms": 5}
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'outcry%'"


class Stage:
    """Two partitions that were projected and then spoiled, and a connection that has read them before."""

    def __init__(self, address: str, log: MemoryLog, made: list[Traffic], reader: Connection) -> None:
        self.address = address
        self.log = log
        self.made = made
        self.reader = reader

    def process(self, **limits: int) -> Process[BuilderSettings]:
        return process(self.address, **(QUICK | limits))

    async def rebuild(self, **limits: int) -> None:
        await Rebuild(self.process(**limits), self.log).run()

    async def go_on(self, commands: int) -> None:
        for traffic in self.made:
            await publish(self.log, traffic.partition, traffic.run(commands))

    async def all_projected(self) -> None:
        await projected(self.reader, {traffic.partition: traffic.state.seq for traffic in self.made})


def run(servers: Addresses, scenario: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        log, made = memory_log(2), [Traffic(0, product_id="P0-USD"), Traffic(1, product_id="P1-USD")]
        async with database(servers.postgres) as address, connected(address) as reader:
            stage = Stage(address, log, made, reader)
            for traffic in made:
                traffic.run(300)
                await publish(log, traffic.partition, traffic.events)
            async with projecting(address, log):
                await until(lambda: _is_there(reader), "the first tables")
                await stage.all_projected()
                for statement in WRONG:
                    await reader.execute(statement)
                await read_books(reader)  # its statements are prepared, and stay so
                await scenario(stage)
                await stage.go_on(50)
                await stage.all_projected()
                await read_books(reader)
            await assert_exact(address, made)
            assert await reader.fetch(SCHEMAS) == []

    asyncio.run(whole())


async def _is_there(connection: Connection) -> bool:
    return await connection.fetchval("SELECT to_regclass('projection_offsets')") is not None


def test_it_takes_the_place_of_what_was_wrong_while_events_come(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        rebuilding = asyncio.create_task(stage.rebuild())
        while not rebuilding.done():
            await stage.go_on(5)
            await asyncio.sleep(0)
        await rebuilding

    run(servers, scenario)


def test_positions_never_go_back(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        rebuilding = asyncio.create_task(stage.rebuild())
        last: dict[int, int] = {}
        while not rebuilding.done():
            found = {at: each.next_seq for at, each in (await read_positions(stage.reader)).items()}
            assert all(found[at] >= seq for at, seq in last.items())
            last = found
            await stage.go_on(2)
        await rebuilding

    run(servers, scenario)


@pytest.mark.parametrize("resume", [False, True])
def test_interrupted_it_goes_on_or_begins_anew(servers: Addresses, resume: bool) -> None:
    async def scenario(stage: Stage) -> None:
        rebuilding = asyncio.create_task(stage.rebuild(rebuild_near_events=-1, batch_events=50))
        await until(lambda: _has_begun(stage.reader), "a rebuild that has begun")
        rebuilding.cancel()
        await asyncio.wait({rebuilding})
        again = stage.process()
        settings = replace(again.settings, rebuild_resume=resume)
        await Rebuild(Process("rebuild", settings, again.log, again.clock), stage.log).run()

    run(servers, scenario)


async def _was_put_off(said: Sequence[EventDict]) -> bool:
    return any(line["event"] == "not yet" for line in said)


async def _has_begun(connection: Connection) -> bool:
    if await connection.fetchval("SELECT to_regclass($1)", f"{BESIDE}.projection_offsets") is None:
        return False
    return any(position.next_seq > 1 for position in (await read_positions(connection, BESIDE)).values())


def test_a_reader_that_holds_the_tables_is_waited_for(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        async with connected(stage.address) as other:
            transaction = other.transaction(isolation="repeatable_read", readonly=True)
            await transaction.start()
            await read_positions(other)
            with capture_logs() as said:
                rebuilding = asyncio.create_task(stage.rebuild(rebuild_lock_ms=50))
                await until(lambda: _was_put_off(said), "a rebuild that waits for the reader")
                await transaction.rollback()
                await rebuilding

    run(servers, scenario)


def test_one_at_a_time(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        async with claimed(stage.address, 5.0):
            with pytest.raises(Claimed, match="another rebuild is running"):
                await stage.rebuild()
        await stage.reader.execute(f"CREATE SCHEMA {BEFORE}")  # of one that was killed after the swap
        await stage.rebuild()

    run(servers, scenario)
