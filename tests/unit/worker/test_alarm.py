"""The alarm of a partition, on the in-memory log, in virtual time: when it writes, and when it must not."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from libs.events import codec, topics
from libs.events.commands import AdvanceTime
from libs.kafka.memory import Broker, LoopTime, MemoryLog
from libs.service.clock import NANOSECONDS
from services.orderbook_worker.alarm import Alarm
from tests.unit.worker.virtual_loop import run

PAUSE_S = 0.1
LOOK_S = 1.0
PARTITION = 1


class _SkewedClock:
    """The log's time, and how far the worker's clock is from it."""

    def __init__(self, time: LoopTime) -> None:
        self._time = time
        self.ahead_s = 0.0

    def now(self) -> int:
        return self._time.now() + int(self.ahead_s * NANOSECONDS)


class Room:
    """An alarm, its log, and what it has written so far."""

    def __init__(self) -> None:
        self.time = LoopTime()
        self.start = self.time.now()
        self.clock = _SkewedClock(self.time)
        self.broker = Broker(self.time)
        self.broker.create_topic(topics.ORDERS, 2)
        publisher = MemoryLog(self.broker).publisher()
        self.alarm = Alarm(
            PARTITION, publisher, self.clock, structlog.get_logger(), PAUSE_S, LOOK_S, random.Random(1).getrandbits
        )

    def at(self, seconds: float) -> int:
        return self.start + round(seconds * NANOSECONDS)

    async def until(self, seconds: float) -> None:
        """Let time pass, until so long after the start."""
        nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.time.wait(nothing, (self.at(seconds) - self.time.now()) / NANOSECONDS)

    async def written(self) -> list[float]:
        """When each command was appended, in seconds after the start."""
        reader = MemoryLog(self.broker).reader(topics.ORDERS, committed=False)
        bounds = await reader.bounds(PARTITION)
        reader.assign({PARTITION: bounds.start})
        found = (await reader.poll(1_000, 0.0)).get(PARTITION, ())
        for record in found:
            command = codec.decode_command(record.value or b"")
            assert type(command) is AdvanceTime
            assert (command.account, command.number, command.key, record.key) == ("", 0, 0, None)
        return [round(record.timestamp / 1_000 - self.start / NANOSECONDS, 3) for record in found]


def with_room(scenario: Callable[[Room], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario(Room())

    run(whole())


def test_it_rings_when_something_is_due_and_not_before() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(5.5), -1)
        await room.until(5.49)
        assert await room.written() == []
        await room.until(60)
        assert await room.written() == [5.5]

    with_room(scenario)


def test_a_deadline_that_is_past_rings_at_once() -> None:
    async def scenario(room: Room) -> None:
        await room.until(10)
        room.alarm.due(room.at(2), -1)
        await room.until(11)
        assert await room.written() == [10.0]

    with_room(scenario)


def test_nothing_due_rings_never() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(5), -1)
        room.alarm.due(None, -1)
        await room.until(100)
        assert await room.written() == []

    with_room(scenario)


def test_an_earlier_deadline_rings_earlier_and_a_later_one_later() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(50), -1)
        room.alarm.due(room.at(3), -1)
        await room.until(4)
        assert await room.written() == [3.0]
        room.alarm.due(room.at(8), 0)
        room.alarm.due(room.at(20), 0)
        await room.until(40)
        assert await room.written() == [3.0, 20.0]

    with_room(scenario)


def test_one_at_a_time_and_some_time_apart() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(1), -1)
        await room.until(30)
        assert await room.written() == [1.0]  # nobody has decided it yet
        room.alarm.due(room.at(1), 0)
        room.alarm.due(room.at(1), 0)
        await room.until(30.05)
        assert await room.written() == [1.0, 30.0]
        room.alarm.due(room.at(1), 1)
        await room.until(60)
        assert await room.written() == [1.0, 30.0, 30.1]

    with_room(scenario)


def test_an_answer_that_is_quicker_than_the_acknowledgement() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(1), -1)
        await room.until(1)
        room.alarm.due(room.at(2), 0)
        await room.until(60)
        assert await room.written() == [1.0, 2.0]

    with_room(scenario)


def test_a_clock_that_is_ahead_rings_again_until_it_is_time() -> None:
    async def scenario(room: Room) -> None:
        room.clock.ahead_s = 0.25
        decided = -1
        room.alarm.due(room.at(1), decided)
        for turn in range(120):
            await room.until(turn / 100)
            decided = len(await room.written()) - 1
            is_past = any(written >= 1 for written in await room.written())
            room.alarm.due(None if is_past else room.at(1), decided)
        assert await room.written() == [0.75, 0.85, 0.95, 1.05]

    with_room(scenario)


def test_a_clock_that_is_set_is_noticed() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(1_000), -1)
        await room.until(5.5)
        room.clock.ahead_s = 2_000.0
        await room.until(10)
        assert await room.written() == [6.0]

    with_room(scenario)


def test_a_log_that_is_away_is_asked_again_after_a_while() -> None:
    async def scenario(room: Room) -> None:
        room.broker.away = True
        room.alarm.due(room.at(1), -1)
        await room.until(3.5)
        room.broker.away = False
        await room.until(60)
        assert await room.written() == [4.0]

    with_room(scenario)


def test_a_closed_alarm_is_silent() -> None:
    async def scenario(room: Room) -> None:
        room.alarm.due(room.at(1), -1)
        room.alarm.close()
        await room.until(60)
        assert await room.written() == []

    with_room(scenario)


def test_closed_while_it_writes_it_does_not_ring_again() -> None:
    async def scenario(room: Room) -> None:
        room.broker.away = True
        room.alarm.due(room.at(1), -1)
        await room.until(1)
        room.alarm.close()
        room.broker.away = False
        await room.until(60)
        assert await room.written() == []

    with_room(scenario)
