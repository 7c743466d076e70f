"""How many sockets one process feeds: level2 of a busy product to a thousand, and ten thousand that only listen.

The server is the service's own feed and server on a live book that a stream of commands is folded into; the clients are
raw sockets in another process that count bytes, so that they cost little.
"""

import asyncio
import logging
import multiprocessing
import resource
import socket
import time
from multiprocessing.connection import Connection
from typing import Final, NamedTuple, cast

import msgspec
import uvloop

from libs.access.caller import NOBODY, Credential, establish
from libs.service.http import HttpServer, Receive, Scope, Send
from services.query_api.feed.door import Door
from tests.benchmarks.table import Figure, rate
from tests.unit.query_api.feed.stage import PRODUCT, FeedStage

FANOUT, IDLE = 1_000, 10_000
COMMANDS: Final = 2_000
STRETCH: Final = 20
"""Commands folded at once, as under load they are."""
LIMIT_S: Final = 180.0
"""Of one row, whatever stands still."""
_HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Measured(NamedTuple):
    sockets: int
    commands: int
    messages: int
    """To each socket: a command without a public fact has none."""
    seconds: float
    cpu_s: float
    """Of the server."""
    memory_mb: float
    """Of the server, for the sockets."""
    megabytes_a_socket: float


def enough_files(wanted: int) -> int:
    """Raise the limit of open files as far as it goes; how many sockets that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard - 200)


async def measure(seconds: float) -> list[Figure]:
    """A thousand sockets on one busy product; ten thousand that hear heartbeats alone."""
    busy = await asyncio.to_thread(feed, FANOUT, "level2", COMMANDS, 0.0)
    idle = await asyncio.to_thread(feed, IDLE, "heartbeat", 0, seconds)
    sent = busy.messages * busy.sockets
    return [
        Figure(
            f"level2 to {busy.sockets:,} sockets, changes delivered",
            rate(sent / busy.seconds, "messages/s"),
            notes=(
                f"{busy.commands / busy.seconds:,.0f} commands/s of one product, until the last socket had the last of them",
                f"{busy.megabytes_a_socket:.1f} MB to each socket; the server took {busy.cpu_s / busy.seconds:.0%} of a core",
                f"{busy.cpu_s / sent * 1e6:.2f} µs of the server a message; one for each command with a public fact",
            ),
        ),
        Figure(
            f"{idle.sockets:,} sockets that hear a heartbeat a second",
            f"{idle.memory_mb / idle.sockets * 1000:.1f} KB each",
            notes=(f"{idle.cpu_s / idle.seconds:.0%} of a core",),
        ),
    ]


def feed(sockets: int, channel: str, commands: int, seconds: float) -> Measured:
    """One process serves, one listens."""
    sockets = enough_files(sockets)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    listening = context.Process(target=_listen, args=(there, sockets, channel), daemon=True)
    listening.start()
    try:
        return uvloop.run(_serve(here, sockets, commands, seconds))
    finally:
        listening.kill()
        listening.join()


async def _serve(pipe: Connection, sockets: int, commands: int, seconds: float) -> Measured:
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # a line or two a socket cost more than the socket
    stage = FeedStage(feed_sockets=sockets, feed_socket_bytes=64 * 1024 * 1024)
    stage.go_on(500)
    door = Door(stage.feed)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        establish(scope, NOBODY, Credential(""))
        await door(scope, receive, send)

    before = _resident()
    server = HttpServer(app, "127.0.0.1", 0, sockets=stage.process.settings.sockets, backlog=4096)
    await server.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            pipe.send(server.port)
            while sum(bool(session.topics) for session in stage.feed.sessions) < sockets:
                await asyncio.sleep(0.05)
            memory = (_resident() - before) / 1e6
            return await _spoken(stage, pipe, commands, seconds, memory)
    except TimeoutError:
        there = sum(bool(session.topics) for session in stage.feed.sessions)
        behind = sum(not session.caught_up() for session in stage.feed.sessions)
        raise TimeoutError(
            f"{LIMIT_S:.0f} s: {there} of {sockets} sockets listen, {behind} have not read all"
        ) from None
    finally:
        await server.stop()


async def _spoken(stage: FeedStage, pipe: Connection, commands: int, seconds: float, memory: float) -> Measured:
    """Say what there is to say, until the last socket has the last of it."""
    sockets = len(stage.feed.sessions)
    first = len(stage.traffic.events)
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(commands // STRETCH):
        stage.go_on(STRETCH)
        await asyncio.sleep(0)
    while time.perf_counter() - began < seconds:
        stage.feed.beat()
        await asyncio.sleep(1)
    while not all(session.caught_up() for session in stage.feed.sessions):
        await asyncio.sleep(0.001)
    pipe.send("all is said")
    taken, ended = await _told(pipe)
    assert len(stage.feed.sessions) == sockets, "somebody was hung up on"
    used = time.process_time() - cpu
    messages = len({event.sequence for event in stage.traffic.events[first:] if event.last})
    return Measured(sockets, commands, messages, ended - began, used, memory, taken / 1e6)


async def _told(pipe: Connection) -> tuple[float, float]:
    while not pipe.poll():
        await asyncio.sleep(0.005)
    found: tuple[float, float] = pipe.recv()
    return found


def _listen(pipe: Connection, sockets: int, channel: str) -> None:
    enough_files(sockets)
    uvloop.run(_count(pipe, sockets, channel))


class _Counting(asyncio.Protocol):
    taken = 0
    last = 0.0

    def __init__(self, subscribe: bytes) -> None:
        self._subscribe = subscribe
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(_HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        """The answer to the handshake first: what is sent before it may be lost."""
        if self._subscribe and self._transport is not None:
            self._transport.write(self._subscribe)
            self._subscribe = b""
        _Counting.taken += len(data)
        _Counting.last = time.perf_counter()


async def _count(pipe: Connection, sockets: int, channel: str) -> None:
    """Listen until all is said; then tell what each was sent, snapshots included, and when the last byte came."""
    loop, port = asyncio.get_running_loop(), pipe.recv()
    text = msgspec.json.encode({"type": "subscribe", "channels": [channel], "product_ids": [PRODUCT]})
    subscribe = bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text
    for _ in range(sockets):
        await loop.create_connection(lambda: _Counting(subscribe), "127.0.0.1", port, family=socket.AF_INET)
    while not pipe.poll():
        await asyncio.sleep(0.005)
    await _quiet()
    pipe.send((_Counting.taken / sockets, _Counting.last))
    while pipe.recv():
        pass


async def _quiet() -> None:
    """Until nothing has come for a while, and something had."""
    before = -1
    while before != _Counting.taken:
        before = _Counting.taken
        await asyncio.sleep(0.5)


def _resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
