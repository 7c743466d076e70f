"""The board over the in-memory log: current when asked, through times when the log is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from libs.events.topics import OPERATOR_TASKS
from libs.kafka.memory import Broker, MemoryLog
from libs.kafka.ports import Entry
from libs.replays.board import PARTITION, Board
from libs.replays.records import Control, TaskRecord, Wish, encode_record, key_of, keys_of
from libs.replays.tasks import State
from libs.service.problems import Problem
from tests.unit.replays.test_tasks import BEGUN, PLAN

RUN = Control(id="p1", wish=Wish.RUN, actor="eve", at=5, confirmed=5)


@asynccontextmanager
async def followed(wait_s: float = 5.0) -> AsyncIterator[tuple[Board, Broker]]:
    broker = Broker()
    broker.create_topic(OPERATOR_TASKS, 1)
    board = Board(MemoryLog(broker), structlog.get_logger(), poll_s=0.01, retry_s=0.01, wait_s=wait_s)
    stop = asyncio.Event()
    running = asyncio.create_task(board.run(stop))
    try:
        yield board, broker
    finally:
        stop.set()
        await running


async def write(broker: Broker, *records: TaskRecord) -> None:
    entries = [Entry(key_of(record), encode_record(record)) for record in records]
    await MemoryLog(broker).publisher().publish(OPERATOR_TASKS, PARTITION, entries)


def test_what_stood_in_the_log_is_seen_by_whoever_asks_then() -> None:
    async def scenario() -> None:
        async with followed() as (board, broker):
            assert await board.current() == {}
            await write(broker, PLAN, RUN)
            assert (await board.current())["p1"].state is State.CONFIRMED
            await write(broker, BEGUN)
            assert (await board.current())["p1"].state is State.RUNNING

    asyncio.run(scenario())


def test_a_replay_whose_plan_is_gone_is_gone() -> None:
    async def scenario() -> None:
        async with followed() as (board, broker):
            await write(broker, PLAN, RUN, BEGUN)
            tombstones = [Entry(key, None) for key in keys_of("p1")]
            await MemoryLog(broker).publisher().publish(OPERATOR_TASKS, PARTITION, tombstones)
            await write(broker, BEGUN)
            assert await board.current() == {}

    asyncio.run(scenario())


def test_a_log_that_is_away_is_said_and_then_followed_again() -> None:
    async def scenario() -> None:
        async with followed(wait_s=0.05) as (board, broker):
            await write(broker, PLAN)
            assert "p1" in await board.current()
            broker.away = True
            with pytest.raises(Problem, match="dependency_away"):
                await board.current()
            broker.away = False
            broker.notify()
            while True:
                try:
                    assert "p1" in await board.current()
                    break
                except Problem:
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())
