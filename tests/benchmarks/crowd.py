"""A part: many sockets on one channel of a running exchange, each of which checks that it misses nothing.

What each socket is sent is cut into messages as cheaply as that can be done, because the listeners share the cores with
what they listen to. A message of a book names the one before it; a hole in that, a `resync` or an end is counted.
"""

import asyncio
import re
import resource
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, cast

import msgspec

from tests.benchmarks.child import serve
from tests.benchmarks.table import quantile
from tests.benchmarks.wire import LOOPBACK

_HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_HEAD_END: Final = b"\r\n\r\n"
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A
_MEDIUM, _LONG = 126, 127
_MASK: Final = bytes(4)
_SEQUENCE: Final = re.compile(rb'"sequence":(\d+)(?:,"prev_sequence":(\d+))?')
_RESYNC: Final = b'{"type":"resync"'
_HEAD_BYTES: Final = 160
"""Of a message: what is asked of it stands in its first fields."""
_TOGETHER: Final = 200
"""Handshakes under way at a time."""
_JOINED_S: Final = 120.0
_EVERY: Final = 100
"""One socket of so many says when each message came: the first and the last of a message tell how long its round took."""


class Task(msgspec.Struct):
    port: int
    sockets: int
    channel: str
    product: str
    seconds: float
    ready: str
    """A file that is made when all sockets listen."""


class Heard(msgspec.Struct):
    sockets: int
    messages: int
    gaps: int
    resyncs: int
    ended: int
    """Sockets that were closed before the end."""
    seconds: float
    round_p50: float
    """Seconds from the first of the sampled sockets that had a message to the last,"""
    round_p99: float
    cpu: float
    """Seconds of processor that this process used."""


async def main(task: Task) -> Heard:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = _Crowd(task)
    await crowd.join()
    await asyncio.to_thread(Path(task.ready).touch)
    await asyncio.sleep(task.seconds)
    return crowd.heard()


class _Crowd:
    def __init__(self, task: Task) -> None:
        self._task = task
        self.listeners: list[_Listener] = []
        self.rounds: dict[int, tuple[float, float]] = {}
        """When the first and the last sampled socket had a message, by its sequence."""
        self.subscribe = b""
        """What each of them says after its handshake."""
        self._began = 0.0

    async def join(self) -> None:
        task, loop = self._task, asyncio.get_running_loop()
        text = msgspec.json.encode({"type": "subscribe", "channels": [task.channel], "product_ids": [task.product]})
        length = bytes((0x80 | len(text),)) if len(text) < _MEDIUM else b"\xfe" + len(text).to_bytes(2, "big")
        self.subscribe = bytes((_TEXT,)) + length + _MASK + text
        async with asyncio.timeout(_JOINED_S):
            while len(self.listeners) < task.sockets:
                made = [_Listener(self, len(self.listeners) + at) for at in range(_TOGETHER)]
                made = made[: task.sockets - len(self.listeners)]
                for each in made:
                    await loop.create_connection(partial(_itself, each), LOOPBACK, task.port, family=socket.AF_INET)
                    each.say(_HANDSHAKE)
                self.listeners += made
                while not all(each.listens for each in made):
                    await asyncio.sleep(0.01)
        self._began = time.perf_counter()
        for each in self.listeners:
            each.messages = 0

    def heard(self) -> Heard:
        all_of = self.listeners
        took = sorted(last - first for first, last in self.rounds.values())
        return Heard(
            len(all_of),
            sum(each.messages for each in all_of),
            sum(each.gaps for each in all_of),
            sum(each.resyncs for each in all_of),
            sum(each.ended for each in all_of),
            time.perf_counter() - self._began,
            quantile(took, 0.5),
            quantile(took, 0.99),
            time.process_time(),
        )


def _itself(listener: "_Listener") -> "_Listener":
    return listener


class _Listener(asyncio.Protocol):
    def __init__(self, crowd: _Crowd, at: int) -> None:
        self.listens = False
        self.messages = self.gaps = self.resyncs = 0
        self.ended = False
        self._crowd = crowd
        self._sampled = at % _EVERY == 0
        self._sequence = -1
        self._buffer = b""
        self._shaken = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def say(self, data: bytes) -> None:
        assert self._transport is not None, "a connection is made before it is used"
        self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._shaken:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            self._buffer, self._shaken = self._buffer[end + len(_HEAD_END) :], True
            self.say(self._crowd.subscribe)
        for kind, start, end in self._frames():
            if kind == _TEXT:
                self._take(self._buffer[start : min(end, start + _HEAD_BYTES)])
            elif kind == _PING:
                self.say(bytes((_PONG, 0x80 | end - start)) + _MASK + self._buffer[start:end])

    def _frames(self) -> Iterator[tuple[int, int, int]]:
        """First byte, start and end of the payload of each whole frame; then they leave the buffer."""
        buffer, at = self._buffer, 0
        while len(buffer) >= at + 2:
            size, start = buffer[at + 1], at + 2
            if size in (_MEDIUM, _LONG):
                width = 2 if size == _MEDIUM else 8
                size, start = int.from_bytes(buffer[start : start + width], "big"), start + width
            if len(buffer) < start + size:
                break
            yield buffer[at], start, start + size
            at = start + size
        self._buffer = buffer[at:]

    def _take(self, head: bytes) -> None:
        self.messages += 1
        if head.startswith(_RESYNC):
            self.resyncs += 1
            return
        found = _SEQUENCE.search(head)
        if found is None:
            self.listens = True
            return
        sequence, before = int(found[1]), found[2]
        if before is not None and int(before) != self._sequence:
            self.gaps += 1
        self._sequence = sequence
        if self._sampled:
            now = time.perf_counter()
            first, _ = self._crowd.rounds.get(sequence, (now, now))
            self._crowd.rounds[sequence] = first, now


if __name__ == "__main__":
    serve(Task, main)
