"""A worker that is frozen past its session, in the middle of traffic, commits nothing when it goes on, and leaves."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.events.events import AnyEvent
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import LogReader
from tests.e2e.stack import until
from tests.integration.supervised import Supervised
from tests.integration.test_worker import PARTITION, listed, publish, read, reading, stream

LIMIT_S = 100.0
PIECE = 1_000
SETTINGS = {"OUTCRY_SNAPSHOT_EVERY_MS": "500", "OUTCRY_BATCH_COMMANDS": "50"}


class Told:
    """All events of the partition, folded."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self.state = PartitionState(PARTITION)
        self.events: list[AnyEvent] = []
        reader.assign({PARTITION: 0})

    async def until(self, command: int) -> None:
        """This command is decided, and all before it."""
        while self.state.command_offset < command or not self.events[-1].last:
            for event in await read(self._reader):
                fold(self.state, event)  # seq without a hole
                self.events.append(event)


def owner(workers: list[Supervised]) -> Supervised:
    """Who said last that it has taken the partition over."""
    said = f'"partition":{PARTITION},"next_command"'
    return max(workers, key=lambda worker: max((when(line) for line in worker.said() if said in line), default=""))


def when(line: str) -> str:
    return line.split('"timestamp":')[1]


def assignments(worker: Supervised) -> int:
    return sum('"event":"assigned"' in line for line in worker.said())


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_frozen_worker_commits_nothing_when_it_goes_on_and_leaves(kafka: tuple[str, Path]) -> None:
    address, directory = kafka
    workers = [Supervised(address, directory, f"worker-{at}", SETTINGS) for at in (1, 2)]
    try:
        told, frozen = asyncio.run(_freeze(KafkaLog(address, "test"), workers))
    finally:
        for worker in workers:
            worker.process.send_signal(signal.SIGCONT)
        codes = [worker.stop() for worker in workers]
    assert codes == [0, 0]
    assert len(frozen.ends) == 1
    assert frozen.ends[0] > 0
    check(told.state)
    outcomes = Counter(event.command_offset for event in told.events if event.last and event.number)
    assert outcomes == Counter(range(3 * PIECE + 1))


async def _freeze(log: KafkaLog, workers: list[Supervised]) -> tuple[Told, Supervised]:
    """Freeze the owner while it trades, let another take over, and let it go on while that one trades."""
    async with asyncio.timeout(LIMIT_S), reading(log) as reader:
        number = await listed(log, reader)
        pieces = [stream(number, PIECE, seed) for seed in (1, 2, 3)]
        told = Told(reader)
        await publish(log, pieces[0])
        await told.until(PIECE // 10)
        zombie = owner(workers)
        frozen = zombie.process.pid
        os.kill(frozen, signal.SIGSTOP)
        await publish(log, pieces[1])
        await told.until(2 * PIECE)
        assert not zombie.ends
        before = assignments(zombie)
        trading = asyncio.create_task(publish(log, pieces[2]))
        os.kill(frozen, signal.SIGCONT)
        await trading
        await told.until(3 * PIECE)
        await until(lambda: zombie.ends and assignments(zombie) > before, "the next one", LIMIT_S)
        return told, zombie
