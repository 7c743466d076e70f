"""Worker processes on a Kafka of their own, killed with SIGKILL in the middle of their work: invariants 3, 6, 8 and 10."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.audit.run import Wanted, audit
from cli.start import Start
from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.events import topics
from libs.events.codec import decode_event, encode
from libs.events.commands import AnyCommand, CancelOrder, ListProduct, PlaceOrder
from libs.events.events import AnyEvent, ProductListed
from libs.events.ids import mint
from libs.events.values import NO_ID, OrderType, Side
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Entry, LogReader
from libs.service.clock import SystemClock
from sim.live import Live
from tests.integration.supervised import Supervised

PARTITION = 3
EVERYTHING = Wanted((), Start(word="earliest"), Start(word="latest"))
COMMANDS = 20_000
KILLS = 3
SETTINGS = {"OUTCRY_SNAPSHOT_EVERY_MS": "500"}
LIMIT_S = 90.0


@asynccontextmanager
async def reading(log: KafkaLog) -> AsyncIterator[LogReader]:
    reader = log.reader(topics.ORDER_EVENTS)
    await reader.start()
    reader.assign({PARTITION: 0})
    try:
        yield reader
    finally:
        await reader.stop()


async def read(reader: LogReader) -> list[AnyEvent]:
    records = (await reader.poll(5_000, 0.2)).get(PARTITION, ())
    return [decode_event(record.value or b"") for record in records]


def stream(number: int, count: int, seed: int) -> list[AnyCommand]:
    """Places and cancels of a few accounts around one price."""
    chance, now = random.Random(seed), SystemClock().now()
    live: list[tuple[bytes, str]] = []
    commands: list[AnyCommand] = []
    for at in range(count):
        command_id = mint(now // 1_000_000, chance.getrandbits(50), number)
        if live and chance.random() < 0.4:
            order_id, account = live.pop(chance.randrange(len(live)))
            commands.append(CancelOrder(command_id, account, number, order_id, "", 0, now, 0, None))
            continue
        side = chance.choice(list(Side))
        price = 10_000 + chance.randrange(-20, 3) * (1 if side is Side.BUY else -1)
        head = (command_id, f"account-{at % 50}", number, command_id, "", 0, now, 0, None)
        commands.append(PlaceOrder(*head, side, OrderType.LIMIT, price, chance.randrange(1, 10)))
        live.append((command_id, head[1]))
    return commands


async def listed(log: KafkaLog, reader: LogReader) -> int:
    """The number of a product listed through the log."""
    publisher = log.publisher()
    await publisher.start()
    now = SystemClock().now()
    head = (mint(now // 1_000_000, 1, 0), "op", 0, NO_ID, "", 0, now, 0, None)
    command = ListProduct(*head, "BTC-USD", "BTC", "USD", 2, 8, 1, 1)
    await publisher.publish(topics.ORDERS, PARTITION, [Entry(b"BTC-USD", encode(command))])
    await publisher.close()
    async with asyncio.timeout(LIMIT_S):
        while True:
            for event in await read(reader):
                if isinstance(event, ProductListed):
                    return event.number


async def publish(log: KafkaLog, commands: list[AnyCommand]) -> None:
    publisher = log.publisher()
    await publisher.start()
    for at in range(0, len(commands), 500):
        entries = [Entry(b"BTC-USD", encode(command)) for command in commands[at : at + 500]]
        await publisher.publish(topics.ORDERS, PARTITION, entries)
    await publisher.close()


@pytest.mark.slow
def test_workers_that_are_killed_lose_nothing_and_do_nothing_twice(kafka: tuple[str, Path]) -> None:
    address, directory = kafka
    workers = [Supervised(address, directory, f"worker-{at}", SETTINGS) for at in (1, 2)]
    try:
        events = asyncio.run(_trade_through_kills(address, workers))
    finally:
        codes = [worker.stop() for worker in workers]
    assert codes == [0, 0]
    state = PartitionState(PARTITION)
    for event in events:
        fold(state, event)  # seq without a hole
    check(state)
    outcomes = Counter(event.command_offset for event in events if event.last and event.number)
    assert outcomes == Counter(range(COMMANDS + 1))
    audited = asyncio.run(audit(KafkaLog(address, "test"), EVERYTHING, Live()))
    assert audited.agrees  # no kill made a worker decide otherwise than the rules do
    assert sum(found.counts.redecided for found in audited.found) == COMMANDS + 1


async def _trade_through_kills(address: str, workers: list[Supervised]) -> list[AnyEvent]:
    log = KafkaLog(address, "test")
    async with reading(log) as reader:
        number = await listed(log, reader)
        publishing = asyncio.create_task(publish(log, stream(number, COMMANDS, 7)))
        reader.assign({PARTITION: 0})
        events: list[AnyEvent] = []
        kills = 0
        async with asyncio.timeout(LIMIT_S):
            while (decided := sum(event.last for event in events if event.number)) < COMMANDS + 1:
                events += await read(reader)
                if kills < KILLS and decided > COMMANDS * (kills + 1) // (KILLS + 2):
                    for worker in workers:
                        worker.kill()
                    kills += 1
        await publishing
        assert kills == KILLS
        return events
