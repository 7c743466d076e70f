"""Slow, silent and endless clients are ended, each in its time, and others do not notice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from libs.service import http
from libs.service.http import HttpServer, read_body, respond
from libs.service.patience import HEAD_BYTES, Patience
from libs.service.problems import REQUEST_TIMEOUT, Problem

QUICK = Patience(head_s=0.2, body_s=0.2, answer_s=0.2)
WHOLE = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nok"
LARGE = 32 * 1024 * 1024


async def echo(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
    """Answers with the body; `/large` with much, `/early` before the body has come."""
    if scope["path"] == "/large":
        await respond(send, 200, [], b"x" * LARGE)
        return
    body = b"" if scope["path"] == "/early" else await read_body(receive, dict(scope["headers"]), 10_000)
    await respond(send, 200, [], body)


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch, patience: Patience = QUICK) -> AsyncIterator[int]:
    monkeypatch.setattr("libs.service.patience.LOOK_S", 0.05)
    server = HttpServer(echo, "127.0.0.1", 0, patience=patience, keep_alive_s=60, stop_timeout_s=1)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


async def last_words(port: int, *sent: bytes) -> bytes:
    """What is answered to these bytes before the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for each in sent:
            writer.write(each)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        (),
        (b"POST / HT",),
        (b"POST / HTTP/1.1\r\nhost: x\r\n",),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",),
        (WHOLE, b"POST / HTTP/1.1\r\nhost"),
    ],
    ids=["silent", "half a line", "half a head", "half a body", "half a second request"],
)
def test_half_a_request_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, sent: tuple[bytes, ...]) -> None:
    async def run() -> None:
        async with serving(monkeypatch) as port:
            told = await last_words(port, *sent)
            assert told.count(b"HTTP/1.1 408 ") == told.count(b'"request_timeout"') == 1
            assert told.count(b"HTTP/1.1 200 ") == sent.count(WHOLE)

    asyncio.run(run())


def test_the_rest_of_a_body_that_nobody_wants_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with serving(monkeypatch) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.write(b"dri")
            async with asyncio.timeout(10):
                assert b"408" in await reader.read()
            writer.close()

    asyncio.run(run())


def test_a_head_without_end_is_refused_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with serving(monkeypatch, Patience()) as port:
            told = await last_words(port, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_BYTES // 6))
            assert b"431" in told.splitlines()[0]
            assert b'"head_too_large"' in told

    asyncio.run(run())


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with serving(monkeypatch) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
            await _closed_by_peer(writer)
            try:
                read = len(await reader.read())
            except ConnectionError:
                read = 0
            assert read < LARGE
            writer.close()

    asyncio.run(run())


async def _closed_by_peer(writer: asyncio.StreamWriter) -> None:
    """The kernel tells of the reset although nothing is read: a write fails."""
    async with asyncio.timeout(10):
        while not writer.transport.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.02)


def test_a_body_that_breaks_off_is_never_the_whole() -> None:
    """What came is a whole JSON text, and still not what was sent."""
    taken: list[bytes] = []
    refused: list[Problem] = []

    async def take(scope: http.Scope, receive: http.Receive, _send: http.Send) -> None:
        try:
            taken.append(await read_body(receive, dict(scope["headers"]), 1_000))
        except Problem as problem:
            refused.append(problem)

    async def run() -> None:
        server = HttpServer(take, "127.0.0.1", 0)
        await server.start()
        for framing, sent in ((b"content-length: 9", b"{}"), (b"transfer-encoding: chunked", b"2\r\n{}\r\n")):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n\r\n" + sent)
            await writer.drain()
            writer.close()
        async with asyncio.timeout(10):
            while len(refused) + len(taken) < 2:
                await asyncio.sleep(0.01)
        await server.stop()

    asyncio.run(run())
    assert taken == []
    assert [problem.kind for problem in refused] == [REQUEST_TIMEOUT] * 2


def test_a_hundred_half_requests_stop_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with serving(monkeypatch, Patience(60, 60, 60)) as port:
            halves = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
            for number, (_, writer) in enumerate(halves):
                writer.write(WHOLE[: number % len(WHOLE)])
            told = await last_words(port, WHOLE.replace(b"host", b"connection: close\r\nhost"))
            assert told.endswith(b"ok")
            for _, writer in halves:
                writer.close()

    asyncio.run(run())


def test_a_connection_in_use_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with serving(monkeypatch) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            began = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - began < 0.6:  # three times as long as any patience
                writer.write(WHOLE)
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert await reader.readexactly(2) == b"ok"
                await asyncio.sleep(0.1)
            writer.close()

    asyncio.run(run())
