"""The gateway between a raw client and raw upstreams, so that every byte on the wire is the test's own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from deploy.endpoint import LOOPBACK, local
from deploy.gateway.server import GatewayServer
from deploy.gateway.settings import GatewaySettings

LIMIT_SECONDS = 10.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ORDER = b"POST /orders HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"
READ = b"GET /time HTTP/1.1\r\nhost: x\r\n\r\n"

Handler = Callable[["Upstream", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """A server that keeps what it is sent; `handler` has each connection to itself."""

    handler: Handler
    received: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        request = head + await reader.readexactly(length)
        self.received.append(request)
        return request


async def answer_ok(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await upstream.request(reader)
        writer.write(OK)


@asynccontextmanager
async def listening(upstream: Upstream) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream.connections += 1
        try:
            await upstream.handler(upstream, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()


class Wire:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), LIMIT_SECONDS)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return int(head.split(b" ")[1]), await self.reader.readexactly(length)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self.writer.write(request)
        return await self.answer()

    async def problem(self, request: bytes) -> tuple[int, str, bool]:
        status, body = await self.ask(request)
        document = json.loads(body)
        return status, document["code"], document["retryable"]


Limits = Callable[[GatewaySettings], GatewaySettings]


@asynccontextmanager
async def gateway(
    order_api: Upstream, query_api: Upstream | None = None, limits: Limits = lambda settings: settings
) -> AsyncIterator[Callable[[], Awaitable[Wire]]]:
    """A gateway before two upstreams; yields what opens a client's connection."""
    query_api = query_api or Upstream(answer_ok)
    async with listening(order_api), listening(query_api):
        settings = GatewaySettings(0, 0, local(order_api.port), local(query_api.port), {})
        server = GatewayServer(limits(settings))
        await server.start()
        writers: list[asyncio.StreamWriter] = []

        async def connect() -> Wire:
            reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
            writers.append(writer)
            return Wire(reader, writer)

        try:
            yield connect
        finally:
            for writer in writers:
                writer.close()
            await server.stop()


def test_reads_and_writes_go_to_their_own_side() -> None:
    async def scenario() -> None:
        commands, queries = Upstream(answer_ok), Upstream(answer_ok)
        async with gateway(commands, queries) as connect:
            wire = await connect()
            for method in (b"POST", b"PATCH", b"PUT", b"DELETE", b"GET"):
                assert await wire.ask(b"%b /orders HTTP/1.1\r\nhost: x\r\n\r\n" % method) == (200, b"ok")
            for what in (b"discard", b"dry-run"):
                request = b"POST /operator/dead-letters/3:17/%b?x HTTP/1.1\r\nhost: x\r\n\r\n" % what
                assert await wire.ask(request) == (200, b"ok")
        assert [request.split(b" ")[0] for request in commands.received] == [
            b"POST",
            b"PATCH",
            b"PUT",
            b"DELETE",
            b"POST",
        ]
        assert b"/discard" in commands.received[-1]
        assert [request.split(b" ")[0] for request in queries.received] == [b"GET", b"POST"]
        assert b"/dry-run" in queries.received[-1]

    asyncio.run(scenario())


def test_a_request_arrives_as_it_was_sent_without_what_belongs_to_the_connection() -> None:
    async def scenario() -> None:
        commands = Upstream(answer_ok)
        async with gateway(commands) as connect:
            wire = await connect()
            await wire.ask(
                b"POST /orders?a=1 HTTP/1.1\r\nhost: x\r\nOutcry-Account: ann\r\nconnection: keep-alive\r\n"
                b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            )
        head = b"POST /orders?a=1 HTTP/1.1\r\nhost: x\r\nOutcry-Account: ann\r\nx-forwarded-for: 127.0.0.1\r\n"
        assert commands.received == [head + b"content-length: 5\r\n\r\nabcde"]

    asyncio.run(scenario())


def test_where_a_request_came_from_is_added_behind_what_it_says_itself() -> None:
    async def scenario() -> None:
        queries = Upstream(answer_ok)
        async with gateway(Upstream(answer_ok), queries) as connect:
            wire = await connect()
            await wire.ask(
                b"GET /time HTTP/1.1\r\nhost: x\r\nX-Forwarded-For: 9.9.9.9\r\nx-forwarded-for: 8.8.8.8\r\n\r\n"
            )
        assert queries.received == [
            b"GET /time HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 9.9.9.9, 8.8.8.8, 127.0.0.1\r\n\r\n"
        ]

    asyncio.run(scenario())


def test_a_pipeline_is_answered_in_order_over_one_upstream_connection() -> None:
    async def echo(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            path = (await upstream.request(reader)).split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(path), path))

    async def scenario() -> None:
        queries = Upstream(echo)
        async with gateway(Upstream(answer_ok), queries) as connect:
            wire = await connect()
            wire.writer.write(b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % number for number in range(100)))
            assert [await wire.answer() for _ in range(100)] == [(200, b"/%d" % number) for number in range(100)]
        assert queries.connections == 1

    asyncio.run(scenario())


async def read_and_hang_up(upstream: Upstream, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await upstream.request(reader)


async def never_answer(upstream: Upstream, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await upstream.request(reader)
    await reader.read()


def test_a_write_that_may_have_been_taken_is_sent_once_and_said_to_be_unknown() -> None:
    async def scenario() -> None:
        commands = Upstream(read_and_hang_up)
        async with gateway(commands) as connect:
            wire = await connect()
            assert await wire.problem(ORDER) == (502, "outcome_unknown", True)
        assert len(commands.received) == 1

    asyncio.run(scenario())


def test_a_read_that_met_a_closing_connection_is_sent_again() -> None:
    async def once_each(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upstream.request(reader)
        writer.write(OK)
        await upstream.request(reader)  # the second request on a connection is never answered

    async def scenario() -> None:
        queries = Upstream(once_each)
        async with gateway(Upstream(answer_ok), queries) as connect:
            wire = await connect()
            assert await wire.ask(READ) == (200, b"ok")
            assert await wire.ask(READ) == (200, b"ok")
        assert len(queries.received) == 3

    asyncio.run(scenario())


def test_a_late_answer_is_a_504_that_tells_reads_from_writes() -> None:
    async def scenario() -> None:
        upstreams = Upstream(never_answer), Upstream(never_answer)
        async with gateway(*upstreams, limits=lambda settings: replace(settings, answer_seconds=0.1)) as connect:
            assert await (await connect()).problem(ORDER) == (504, "outcome_unknown", True)
            assert await (await connect()).problem(READ) == (504, "upstream_timeout", True)

    asyncio.run(scenario())


def test_an_upstream_that_is_away_is_a_503_and_nothing_was_sent() -> None:
    async def scenario() -> None:
        async with gateway(
            Upstream(answer_ok), limits=lambda settings: replace(settings, order_api=local(1))
        ) as connect:
            wire = await connect()
            assert await wire.problem(ORDER) == (503, "upstream_unavailable", True)
            assert await wire.ask(READ) == (200, b"ok")

    asyncio.run(scenario())


def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    async def half(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()

    async def scenario() -> None:
        async with gateway(Upstream(half)) as connect:
            wire = await connect()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await wire.ask(ORDER)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed_request"),
        (b"TRACE / HTTP/1.1\r\nhost: x\r\n\r\n", 405, "method_not_allowed"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000, 413, "body_too_large"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nlong: " + b"x" * 5000, 431, "head_too_large"),
        (
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "malformed_request",
        ),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo", 408, "request_timeout"),
    ],
)
def test_what_is_no_request_is_refused_and_no_upstream_hears_of_it(
    request_bytes: bytes, status: int, code: str
) -> None:
    async def scenario() -> None:
        commands, queries = Upstream(answer_ok), Upstream(answer_ok)

        def limits(settings: GatewaySettings) -> GatewaySettings:
            return replace(settings, max_body_bytes=1000, max_head_bytes=4000, read_seconds=0.1)

        async with gateway(commands, queries, limits) as connect:
            assert (await (await connect()).problem(request_bytes))[:2] == (status, code)
        assert commands.received == queries.received == []

    asyncio.run(scenario())


def test_connections_beyond_the_limit_are_refused() -> None:
    async def scenario() -> None:
        async with gateway(
            Upstream(answer_ok), limits=lambda settings: replace(settings, max_connections=1)
        ) as connect:
            first = await connect()
            assert await first.ask(READ) == (200, b"ok")
            assert (await (await connect()).answer())[0] == 503

    asyncio.run(scenario())


def test_a_big_answer_waits_for_a_slow_client_and_the_connection_serves_on() -> None:
    big = b"x" * 20_000_000

    async def large(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await upstream.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(big))
            writer.write(big)
            await writer.drain()

    async def scenario() -> None:
        queries = Upstream(large)
        async with gateway(Upstream(answer_ok), queries) as connect:
            for _ in range(2):
                assert await (await connect()).ask(READ) == (200, big)

    asyncio.run(scenario())


def test_a_websocket_is_passed_through_both_ways() -> None:
    async def shout(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        while data := await reader.read(1000):
            writer.write(data.upper())

    async def scenario() -> None:
        queries = Upstream(shout)
        async with gateway(Upstream(answer_ok), queries) as connect:
            wire = await connect()
            wire.writer.write(
                b"GET /feed HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                b"sec-websocket-key: k\r\n\r\nearly"
            )
            assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert await wire.reader.readexactly(5) == b"EARLY"
            wire.writer.write(b"more")
            assert await wire.reader.readexactly(4) == b"MORE"
        assert b"upgrade: websocket\r\n" in queries.received[0]
        assert b"sec-websocket-key: k\r\n" in queries.received[0]

    asyncio.run(scenario())


def test_sockets_go_to_the_service_that_has_them_and_are_limited() -> None:
    async def open_socket(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upstream.request(reader)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        await reader.read()

    async def scenario() -> None:
        commands, queries = Upstream(open_socket), Upstream(open_socket)
        handshake = b"GET %b HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
        async with gateway(commands, queries, lambda settings: replace(settings, max_tunnels=2)) as connect:
            wires = [await connect() for _ in range(3)]
            for wire, path in zip(wires, (b"/ws/orders", b"/ws"), strict=False):
                wire.writer.write(handshake % path)
                assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            wires[2].writer.write(handshake % b"/ws")
            assert (await wires[2].reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503")
            wires[0].writer.close()
            async with asyncio.timeout(10):
                while True:
                    wire = await connect()
                    wire.writer.write(handshake % b"/ws")
                    if (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101"):
                        break
        assert [request.split(b" ")[1] for request in commands.received] == [b"/ws/orders"]
        assert {request.split(b" ")[1] for request in queries.received} == {b"/ws"}

    asyncio.run(scenario())


def test_another_protocol_on_offer_is_declined_and_the_request_answered() -> None:
    async def scenario() -> None:
        async with gateway(Upstream(answer_ok)) as connect:
            wire = await connect()
            offer = b"GET /time HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"
            assert await wire.ask(offer + READ) == (200, b"ok")
            assert await wire.answer() == (200, b"ok")

    asyncio.run(scenario())
