"""A part: requests as fast as answers come, over so many connections."""

import asyncio
import time
from typing import Final

import msgspec

from tests.benchmarks.child import serve
from tests.benchmarks.requests import Books, Orders, SignedOrders
from tests.benchmarks.table import quantile
from tests.benchmarks.wire import Wire, connect, status_of

_WARM_UP_S: Final = 1.0


class Task(msgspec.Struct):
    port: int
    connections: int
    seconds: float
    requests: Orders | SignedOrders | Books


class Answers(msgspec.Struct):
    """What came between the end of the warm-up and the end."""

    accepted: int
    refused: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    """Seconds of processor that this process used, warm-up included."""

    @property
    def rate(self) -> float:
        return self.accepted / self.seconds


async def main(task: Task) -> Answers:
    return await _Load(task).run()


class _Load:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._requests = task.requests.made()
        self._expected = task.requests.status.encode()
        self._latencies: list[float] = []
        self._refused = 0
        self._counts_from = self._ends = 0.0
        self._going = task.connections
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> Answers:
        wires = await connect(self._task.port, self._task.connections, self._answered, self._broken)
        self._counts_from = time.perf_counter() + _WARM_UP_S
        self._ends = self._counts_from + self._task.seconds
        for wire in wires:
            wire.send(next(self._requests))
        await self._done
        for wire in wires:
            wire.close()
        found = sorted(self._latencies)
        return Answers(
            len(found),
            self._refused,
            self._task.seconds,
            quantile(found, 0.5),
            quantile(found, 0.99),
            time.process_time(),
        )

    def _answered(self, wire: Wire, head: bytes, _: bytes) -> None:
        now = time.perf_counter()
        if self._counts_from < now <= self._ends:
            if status_of(head) == self._expected:
                self._latencies.append(now - wire.began)
            else:
                self._refused += 1
        if now < self._ends:
            wire.send(next(self._requests))
            return
        self._going -= 1
        if not self._going and not self._done.done():
            self._done.set_result(None)

    def _broken(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError(why))


if __name__ == "__main__":
    serve(Task, main)
