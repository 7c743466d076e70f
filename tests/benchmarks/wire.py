"""One keep-alive HTTP connection of a load generator: a request out, an answer in, as little Python as that takes.

The load shares the cores with what it measures, so a client library would measure mostly itself.
"""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final, TypeAlias, cast

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
_STATUS: Final = slice(9, 12)
LOOPBACK: Final = "127.0.0.1"

Answered: TypeAlias = Callable[["Wire", bytes, bytes], None]
"""Told of every answer: its connection, head and body. It may send the next request at once."""


class Wire(asyncio.Protocol):
    """One request is in flight at most."""

    def __init__(self, answered: Answered, broken: Callable[[str], None]) -> None:
        self.began = 0.0
        """`time.perf_counter` when the request in flight was sent."""
        self.closing = False
        self._answered = answered
        self._broken = broken
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def send(self, request: bytes) -> None:
        assert self._transport is not None, "a connection is made before it is used"
        self.began = time.perf_counter()
        self._transport.write(request)

    def close(self) -> None:
        self.closing = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closing:
            self._broken(f"a connection was closed in the middle: {exc!r}")

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        head = data.find(_HEAD_END)
        length = _LENGTH.search(data, 0, head) if head >= 0 else None
        if length is None or len(data) < head + len(_HEAD_END) + int(length[1]):
            self._buffer = data
            return
        self._buffer = b""
        self._answered(self, data[:head], data[head + len(_HEAD_END) :])


def status_of(head: bytes) -> bytes:
    return head[_STATUS]


async def connect(port: int, count: int, answered: Answered, broken: Callable[[str], None]) -> list[Wire]:
    """`count` connections to a port of this machine."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Wire(answered, broken), LOOPBACK, port) for _ in range(count)]
    return [wire for _, wire in made]


def request(method: str, path: str, headers: str, body: bytes) -> bytes:
    """A whole request. `headers` ends with a line break, or is empty."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
