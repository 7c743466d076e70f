"""Worker processes on a Kafka of their own, and commands that fail in every way, in the middle of traffic."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.events import topics
from libs.events.codec import encode
from libs.events.commands import PlaceOrder
from libs.events.events import AnyEvent, CommandDeadLettered, DuplicateIgnored
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Entry, Record
from services.orderbook_worker.injecting import consent
from services.orderbook_worker.watchdog import EXIT_STUCK
from tests.e2e.stack import HURRIED
from tests.integration.supervised import Supervised
from tests.integration.test_worker import PARTITION, listed, read, reading, stream

COMMANDS = 1_500
LIMIT_S = 180.0
LATER_TAG = 200
HURRY = {"PYTHONPATH": HURRIED}
SETTINGS = HURRY | {
    "OUTCRY_SNAPSHOT_EVERY_MS": "500",
    "OUTCRY_BATCH_COMMANDS": "50",
    "OUTCRY_FAULT_PREFIX": "break:",
    "OUTCRY_FAULT_CONSENT": consent("outcry"),
    "OUTCRY_CRASH_TAKEOVERS": "2",
    "OUTCRY_CRASH_TRIES": "2",
    "OUTCRY_DECIDE_LIMIT_MS": "3000",
    "OUTCRY_DECIDE_LOOK_MS": "100",
}
FAILING = {200: "unreadable", 400: "later", 600: "once", 800: "always", 1_000: "kill", 1_200: "hang"}
"""By where they stand among the others."""
SIGKILL_END = -9


class Traffic:
    """Commands, some of which fail."""

    def __init__(self, number: int) -> None:
        self.values = [encode(command) for command in stream(number, COMMANDS, 11)]
        self.ids: dict[str, bytes] = {}
        """Of those that fail."""
        for (at, how), command in zip(FAILING.items(), places(number), strict=False):
            self.ids[how] = command.command_id
            self.values[at] = self._value(how, command)

    def _value(self, how: str, command: PlaceOrder) -> bytes:
        if how == "unreadable":
            return b"\xc1 nothing"
        if how == "later":
            return encode([LATER_TAG, *(getattr(command, name) for name in command.__struct_fields__[:9]), "new"])
        return encode(replace(command, client_oid=f"break:{how}-1"))


def places(number: int) -> Iterator[PlaceOrder]:
    return (command for command in stream(number, 100, 12) if isinstance(command, PlaceOrder))


async def publish(log: KafkaLog, values: list[bytes]) -> None:
    publisher = log.publisher()
    await publisher.start()
    for at in range(0, len(values), 250):
        await publisher.publish(topics.ORDERS, PARTITION, [Entry(b"BTC-USD", value) for value in values[at : at + 250]])
    await publisher.close()


async def records(log: KafkaLog, topic: str, *, committed: bool = True) -> list[Record]:
    reader = log.reader(topic, committed=committed)
    await reader.start()
    try:
        end = (await reader.bounds(PARTITION)).end
        reader.assign({PARTITION: 0})
        found: list[Record] = []
        while reader.position(PARTITION) < end:
            found += (await reader.poll(5_000, 0.2)).get(PARTITION, ())
        return found
    finally:
        await reader.stop()


class Told:
    """All events, and the state that they make."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.state = PartitionState(PARTITION)

    def add(self, events: list[AnyEvent]) -> None:
        for event in events:
            fold(self.state, event)  # seq without a hole
        self.events += events

    def died(self) -> set[bytes]:
        return {event.command_id for event in self.events if isinstance(event, CommandDeadLettered)}

    def about(self, command_id: bytes) -> list[str]:
        """Without repeats: whoever brings a command back, and dies before he has noted it, is followed by one who does."""
        about = (event for event in self.events if event.command_id == command_id)
        return [type(event).__name__ for event in about if not isinstance(event, DuplicateIgnored)]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_each_command_that_fails_goes_its_way_and_the_others_go_on(kafka: tuple[str, Path]) -> None:
    address, directory = kafka
    workers = [Supervised(address, directory, f"worker-{at}", SETTINGS) for at in (1, 2)]
    try:
        told, traffic, letters, asked = asyncio.run(_trade(KafkaLog(address, "test")))
    finally:
        codes = [worker.stop() for worker in workers]
    assert codes == [0, 0]
    check(told.state)
    outcomes = Counter(event.command_offset for event in told.events if event.last and event.command_offset >= 0)
    assert sorted(outcomes) == list(range(len(asked)))
    ids = traffic.ids
    assert told.about(ids["once"])[:3] == ["CommandDeferred", "CommandResumed", "OrderAccepted"]
    assert told.about(ids["always"]) == ["CommandDeferred", "CommandDeadLettered", "OrderRejected"]
    assert told.about(ids["later"]) == [*3 * ["CommandDeferred"], "CommandDeadLettered", "CommandRejected"]
    for how in ("kill", "hang"):
        assert told.about(ids[how]) == ["CommandDeadLettered", "OrderRejected"]
    reasons = [dict(letter.headers)["outcry.reason"].decode() for letter in letters]
    assert Counter(reasons) == Counter(["unreadable", "version", "fault", "crash", "crash"])
    assert [letter.value for letter in letters if letter.value and letter.value[0] == 0xC1] == [b"\xc1 nothing"]
    audited = subprocess.run(
        [sys.executable, "-m", "cli", "audit"], check=False, env=os.environ | {"OUTCRY_KAFKA": address} | HURRY
    )
    assert audited.returncode == 0
    ends = Counter(code for worker in workers for code in worker.ends)
    assert min(ends[SIGKILL_END], ends[EXIT_STUCK]) >= 1 + 2  # more die where the machine is busy with other things


async def _trade(log: KafkaLog) -> tuple[Told, Traffic, list[Record], list[Record]]:
    told = Told()
    async with asyncio.timeout(LIMIT_S), reading(log) as reader:
        traffic = Traffic(await listed(log, reader))
        reader.assign({PARTITION: 0})
        await publish(log, traffic.values)
        while len(told.died()) < len(FAILING) - 1 or told.state.parked:
            told.add(await read(reader))
        asked = await records(log, topics.ORDERS, committed=False)
        while told.state.command_offset < len(asked) - 1:
            told.add(await read(reader))
        return told, traffic, await records(log, topics.DLQ), asked
