"""A part: batches of orders as fast as answers come, one connection a product, one batch of a product in flight.

With the address of Postgres it also watches the read side, stays at most so far ahead of it, and waits at the end
until everything acknowledged can be read.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec

from tests.benchmarks.child import serve
from tests.benchmarks.orders import batches, recorded
from tests.benchmarks.projection import Lag, Projection
from tests.benchmarks.table import quantile
from tests.benchmarks.wire import Wire, connect, status_of

_POSITION: Final = re.compile(rb"outcry-position: *(\d+):(\d+)", re.IGNORECASE)
_TAKEN: Final = b'"status":202'
_AHEAD: Final = 50_000
_LIMIT_S: Final = 300.0


class Task(msgspec.Struct):
    port: int
    items: int
    seconds: float
    tag: str
    products: list[str]
    recording: bool = False
    postgres: str = ""


class Answers(msgspec.Struct):
    accepted: int
    """Commands."""
    refused: int
    seconds: float
    """Until the last answer."""
    p50: float
    """Of a batch."""
    p99: float
    cpu: float
    queryable_seconds: float = 0.0
    """Until the last command could be read."""
    most_behind: int = 0
    most_behind_seconds: float = 0.0
    exhausted: bool = False
    """Whether the recording came to its end before the time did."""

    @property
    def rate(self) -> float:
        return self.accepted / self.seconds


async def main(task: Task) -> Answers:
    return await _Load(task).run()


class _Load:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._latencies: list[float] = []
        self._accepted = self._refused = 0
        self._exhausted = False
        self._lag = Lag(_AHEAD)
        self._ends = 0.0

    async def run(self) -> Answers:
        task = self._task
        streams = [_stream(task, product) for product in task.products]
        projection = Projection(self._lag.moved)
        if task.postgres:
            self._lag.begin(await projection.start(task.postgres))
        began = time.monotonic()
        self._ends = began + task.seconds
        try:
            await asyncio.gather(*(self._drive(stream) for stream in streams))
            ended = time.monotonic()
            if task.postgres:
                await self._until_queryable()
        finally:
            await projection.stop()
        return self._answers(ended - began, self._lag.caught_up_at - began)

    def _answers(self, seconds: float, queryable: float) -> Answers:
        found = sorted(self._latencies)
        return Answers(
            self._accepted,
            self._refused,
            seconds,
            quantile(found, 0.5),
            quantile(found, 0.99),
            time.process_time(),
            queryable,
            self._lag.most_commands,
            self._lag.most_seconds,
            self._exhausted,
        )

    async def _drive(self, stream: Iterator[bytes]) -> None:
        """One product's requests, until the time is over."""
        answer: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        (wire,) = await connect(
            self._task.port,
            1,
            lambda _, head, body: answer.put_nowait((head, body)),
            lambda why: answer.put_nowait((b"", why.encode())),
        )
        for request in stream:
            if time.monotonic() > self._ends:
                break
            if self._task.postgres:
                await self._lag.relieved.wait()
            await self._send(wire, request, answer)
        else:
            self._exhausted = True
        wire.close()

    async def _send(self, wire: Wire, request: bytes, answer: "asyncio.Queue[tuple[bytes, bytes]]") -> None:
        wire.send(request)
        head, body = await answer.get()
        self._latencies.append(time.perf_counter() - wire.began)
        if status_of(head) != b"200":
            raise ConnectionError(f"a batch was answered with {status_of(head).decode()}: {body[:300]!r}")
        taken = body.count(_TAKEN)
        self._accepted += taken
        self._refused += body.count(b'"status":') - taken
        for partition, offset in _POSITION.findall(head) if self._task.postgres else ():
            self._lag.acknowledged(int(partition), int(offset))

    async def _until_queryable(self) -> None:
        async with asyncio.timeout(_LIMIT_S):
            while self._lag.behind:
                await asyncio.sleep(0.01)


def _stream(task: Task, product: str) -> Iterator[bytes]:
    """The first request is made before the time starts, and with it what all are made of."""
    stream = recorded(product) if task.recording else batches(product, task.items, task.tag)
    return chain([next(stream)], stream)


if __name__ == "__main__":
    serve(Task, main)
