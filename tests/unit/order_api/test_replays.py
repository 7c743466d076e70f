"""Replays over the in-memory log: sent once in effect, at their rate, by whoever has the turn, wherever one dies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import structlog

from libs.events import ids, topics
from libs.events.codec import decode_command, encode
from libs.events.commands import AnyCommand, CancelOrder, PlaceOrder
from libs.events.values import NO_ID, DeadLetterName, OrderType, Side
from libs.kafka.failures import PublishUnknown
from libs.kafka.memory import Broker, MemoryLog, PlannedFaults, Point
from libs.kafka.ports import Entry, Record
from libs.replays.board import PARTITION, Board
from libs.replays.letters import OFFSET_HEADER, Letters, Misplaced
from libs.replays.records import Control, Letter, Plan, Selection, Wish, encode_record, key_of
from libs.replays.tasks import State
from libs.service.clock import VirtualClock
from services.order_api.dead_letters.limits import ReplayLimits
from services.order_api.dead_letters.runner import Runner

NUMBER = 257
LETTERS_AT = (4, 9, 11, 30, 31)
LIMITS = ReplayLimits(
    letters=10,
    rate=1_000,
    most_rate=1_000,
    kept=3,
    progress_s=0,
    poll_s=0.005,
    retry_s=0.005,
    wait_s=5,
    body_bytes=1_000,
)
_PATIENCE_S = 10.0


def place(at: int) -> PlaceOrder:
    identity = ids.mint(1_000, at, NUMBER)
    return PlaceOrder(
        identity, "ann", NUMBER, identity, f"a-{at}", 77, 1, 2, None, Side.BUY, OrderType.LIMIT, 100, 1
    )  # fmt: skip


def plan(task_id: str = "p1", *, names: Sequence[int] = LETTERS_AT, after: bytes = b"", rate: int = 1_000) -> Plan:
    letters = tuple(Letter(DeadLetterName(1, at), b"", after) for at in names)
    return Plan(
        id=task_id, created=1, actor="eve", reason="", selection=Selection(), rate=rate, letters=letters
    )  # fmt: skip


class World(NamedTuple):
    broker: Broker
    faults: PlannedFaults
    board: Board

    async def want(self, task_id: str, wish: Wish) -> None:
        await self.write(Control(id=task_id, wish=wish, actor="eve", at=5, confirmed=2_000_000_000))

    async def write(self, record: Plan | Control) -> None:
        entry = Entry(key_of(record), encode_record(record))
        await MemoryLog(self.broker).publisher().publish(topics.OPERATOR_TASKS, PARTITION, [entry])

    async def reached(self, task_id: str, *states: State) -> None:
        await self.until(lambda: task_id in self.board.tasks and self.board.tasks[task_id].state in states)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.001)

    async def orders(self) -> list[Record]:
        reader = MemoryLog(self.broker).reader(topics.ORDERS, committed=False)
        bounds = await reader.bounds(1)
        reader.assign({1: bounds.start})
        return list((await reader.poll(1_000, 0.0)).get(1, ()))

    async def sent(self) -> list[AnyCommand]:
        return [decode_command(record.value or b"") for record in await self.orders()]

    def running(self, instance: str, stop: asyncio.Event) -> "asyncio.Task[None]":
        log, logger = MemoryLog(self.broker), structlog.get_logger()
        board = Board(log, logger, poll_s=0.005, retry_s=0.005, wait_s=5)
        runner = Runner(
            log, board, log.publisher(), VirtualClock(3_000_000_000), logger, LIMITS, group="g", instance=instance
        )  # fmt: skip

        async def run() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(board.run(stop))
                group.create_task(runner.run(stop))

        return asyncio.create_task(run())


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    faults = PlannedFaults()
    broker = Broker(faults=faults)
    for topic in (topics.ORDERS, topics.DLQ):
        broker.create_topic(topic, 2)
    broker.create_topic(topics.OPERATOR_TASKS, 1)
    headers = [("traceparent", b"00-1"), ("outcry.reason", b"fault"), ("__dlq.errors.message", b"boom")]
    dead = [
        Entry(b"BTC-USD", encode(place(at)), [*headers, (OFFSET_HEADER, str(at).encode())]) for at in LETTERS_AT
    ]  # fmt: skip
    await MemoryLog(broker).publisher().publish(topics.DLQ, 1, dead)
    stop = asyncio.Event()
    board = Board(MemoryLog(broker), structlog.get_logger(), poll_s=0.005, retry_s=0.005, wait_s=5)
    following = asyncio.create_task(board.run(stop))
    try:
        yield World(broker, faults, board)
    finally:
        stop.set()
        await following


def run(scenario: Callable[[World, asyncio.Event], Awaitable[None]]) -> None:
    async def whole() -> None:
        stop = asyncio.Event()
        async with world() as given:
            try:
                await scenario(given, stop)
            finally:
                stop.set()

    asyncio.run(whole())


def test_each_letter_is_found_by_its_name() -> None:
    async def scenario(given: World, _stop: asyncio.Event) -> None:
        letters = Letters(MemoryLog(given.broker))
        for at in LETTERS_AT:
            found = await letters.find(DeadLetterName(1, at))
            assert (decode_command(found.value), found.key) == (place(at), b"BTC-USD")
        for partition, offset in ((1, 3), (1, 10), (1, 99), (0, 4), (7, 4)):
            with pytest.raises(Misplaced):
                await letters.find(DeadLetterName(partition, offset))
        await letters.close()

    run(scenario)


def test_a_letter_becomes_a_new_command_that_names_it() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        working = given.running("a", stop)
        await given.write(plan())
        await given.want("p1", Wish.RUN)
        await given.reached("p1", State.DONE)
        stop.set()
        await working
        sent = await given.sent()
        assert [command.replay_of for command in sent] == [DeadLetterName(1, at) for at in LETTERS_AT]
        for command, record, at in zip(sent, await given.orders(), LETTERS_AT, strict=True):
            was = place(at)
            assert isinstance(command, PlaceOrder)
            assert command.order_id == command.command_id != was.command_id
            assert ids.number_of(command.order_id) == NUMBER
            assert (command.account, command.client_oid, command.price) == ("ann", was.client_oid, was.price)
            assert (command.key, command.sent, command.attempt) == (ids.replay_key(1, at), 3_000_000_000, 0)
            assert (record.key, list(record.headers)) == (b"BTC-USD", [("traceparent", b"00-1")])

    run(scenario)


def test_what_is_sent_again_is_the_same_command() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        given.faults.fail(Point.PUBLISHED, topics.ORDERS, PublishUnknown(topics.ORDERS, 1, 1, "a test"))
        working = given.running("a", stop)
        await given.write(plan())
        await given.want("p1", Wish.RUN)
        await given.reached("p1", State.DONE)
        stop.set()
        await working
        sent = [command.command_id for command in await given.sent()]
        assert sent[0] == sent[1]
        assert (len(sent), len(set(sent))) == (len(LETTERS_AT) + 1, len(LETTERS_AT))

    run(scenario)


def test_another_goes_on_where_one_was_killed() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        held = asyncio.Event()
        reached = asyncio.Event()

        async def die() -> None:
            reached.set()
            await held.wait()

        for _ in range(2):
            given.faults.plan(Point.PUBLISHED, topics.ORDERS, _nothing)
        given.faults.plan(Point.PUBLISHED, topics.ORDERS, die)
        first = given.running("a", stop)
        await given.write(plan())
        await given.want("p1", Wish.RUN)
        await asyncio.wait_for(reached.wait(), _PATIENCE_S)
        first.cancel()
        await asyncio.wait({first})
        second = given.running("b", stop)
        await given.reached("p1", State.DONE)
        progress = given.board.tasks["p1"].progress
        assert progress is not None
        assert (progress.sent, progress.runner) == (len(LETTERS_AT), "b")
        stop.set()
        await second
        sent = [command.command_id for command in await given.sent()]
        assert len(set(sent)) == len(LETTERS_AT)
        assert len(sent) <= len(LETTERS_AT) + 1

    run(scenario)


async def _nothing() -> None:
    return


def test_paused_goes_on_and_cancelled_does_not() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        working = given.running("a", stop)
        await given.write(plan(rate=1))
        await given.want("p1", Wish.RUN)
        await given.reached("p1", State.RUNNING)
        await given.want("p1", Wish.PAUSE)
        await given.reached("p1", State.PAUSED)
        await given.write(plan("p2", names=LETTERS_AT[3:], rate=1_000))
        await given.want("p2", Wish.RUN)
        await given.reached("p2", State.DONE)
        assert [command.replay_of for command in await given.sent()] == [
            DeadLetterName(1, at) for at in (LETTERS_AT[0], *LETTERS_AT[3:])
        ]
        await given.want("p1", Wish.RUN)
        await given.reached("p1", State.RUNNING)
        await given.want("p1", Wish.CANCEL)
        await given.reached("p1", State.CANCELED)
        stop.set()
        await working

    run(scenario)


def test_a_letter_that_cannot_be_sent_is_told_and_the_others_go() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        working = given.running("a", stop)
        await given.write(plan(names=(4, 5, 9)))
        await given.want("p1", Wish.RUN)
        await given.reached("p1", State.FAILED)
        await given.write(plan("p2", names=(11,), after=b"\xc1"))
        await given.want("p2", Wish.RUN)
        await given.reached("p2", State.FAILED)
        progress = given.board.tasks["p1"].progress
        assert progress is not None
        assert (progress.sent, progress.failed, progress.failures[0].name) == (2, 1, DeadLetterName(1, 5))
        unreadable = given.board.tasks["p2"].progress
        assert unreadable is not None
        assert unreadable.failures[0].why.startswith("unreadable")
        stop.set()
        await working

    run(scenario)


def test_an_edited_letter_is_sent_as_it_was_changed() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        cancel = CancelOrder(ids.mint(1, 1, NUMBER), "ann", NUMBER, place(4).order_id, "", 0, 1, 0, None)
        working = given.running("a", stop)
        await given.write(plan(names=(4,), after=encode(cancel)))
        await given.want("p1", Wish.RUN)
        await given.reached("p1", State.DONE)
        (sent,) = await given.sent()
        assert isinstance(sent, CancelOrder)
        assert sent.order_id == place(4).order_id != NO_ID
        stop.set()
        await working

    run(scenario)


def test_the_oldest_that_need_nothing_are_forgotten() -> None:
    async def scenario(given: World, stop: asyncio.Event) -> None:
        working = given.running("a", stop)
        for number in range(LIMITS.kept + 2):
            await given.write(plan(f"p{number}", names=(4,)))
        await given.until(lambda: len(given.board.tasks) == LIMITS.kept)
        stop.set()
        await working

    run(scenario)
