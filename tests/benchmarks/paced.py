"""A part: single orders at a rate of its own, whatever the answers do. Latency counts from when an order was due."""

import asyncio
import random
import re
import time
from array import array
from collections import deque

import msgspec

from tests.benchmarks.child import serve
from tests.benchmarks.orders import singles
from tests.benchmarks.wire import Wire, connect, status_of

_POSITION = re.compile(rb"outcry-position: *(\d+):(\d+)", re.IGNORECASE)
_ID = slice(len('{"id":"'), len('{"id":"') + 36)
_TIMEOUT_S = 30.0


class Task(msgspec.Struct):
    port: int
    connections: int
    rate: float
    seconds: float
    tag: str
    products: list[str]


class Samples(msgspec.Struct):
    """One entry an accepted order in each list. Times are `time.monotonic`, the same clock in every process."""

    due: list[float]
    acknowledged: list[float]
    ids: list[str]
    partitions: list[int]
    offsets: list[int]
    refused: int


async def main(task: Task) -> Samples:
    return await _Load(task).run()


class _Load:
    def __init__(self, task: Task) -> None:
        self._task = task
        self._requests = singles(task.products, task.tag)
        self._found = Samples([], [], [], [], [], 0)
        self._idle: deque[Wire] = deque()
        """They take turns: a server ends a connection that says nothing for long."""
        self._due: dict[Wire, float] = {}
        """Of the request in flight."""
        self._late: deque[float] = deque()
        """Due times of orders for which no connection was free."""
        self._broke = ""

    async def run(self) -> Samples:
        task = self._task
        wires = await connect(task.port, task.connections, self._answered, self._broken)
        self._idle.extend(wires)
        for due in self._times(time.monotonic()):
            ahead = due - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
            self._offer(due)
            if self._broke:
                raise ConnectionError(self._broke)
        async with asyncio.timeout(_TIMEOUT_S):
            while len(self._idle) < len(wires):
                await asyncio.sleep(0.005)
        for wire in wires:
            wire.close()
        return self._found

    def _times(self, start: float) -> "array[float]":
        """When orders are due: they come by chance, as those of many clients do."""
        chance, at, times = random.Random(self._task.tag), start, array("d")
        while at < start + self._task.seconds:
            at += chance.expovariate(self._task.rate)
            times.append(at)
        return times

    def _offer(self, due: float) -> None:
        if self._idle:
            self._send(self._idle.popleft(), due)
        else:
            self._late.append(due)

    def _send(self, wire: Wire, due: float) -> None:
        self._due[wire] = due
        wire.send(next(self._requests))

    def _answered(self, wire: Wire, head: bytes, body: bytes) -> None:
        position = _POSITION.search(head)
        if status_of(head) == b"202" and position is not None:
            self._found.due.append(self._due[wire])
            self._found.acknowledged.append(time.monotonic())
            self._found.ids.append(body[_ID].decode())
            self._found.partitions.append(int(position[1]))
            self._found.offsets.append(int(position[2]))
        else:
            self._found.refused += 1
        if self._late:
            self._send(wire, self._late.popleft())
        else:
            self._idle.append(wire)

    def _broken(self, why: str) -> None:
        self._broke = why


if __name__ == "__main__":
    serve(Task, main)
