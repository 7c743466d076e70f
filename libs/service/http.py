"""What the HTTP servers of all services share: a server inside a running loop, request ids, error answers."""

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final, TypeAlias

import uvicorn

from libs.service.failures import Fatal
from libs.service.patience import BoundedProtocol, Patience, Watch
from libs.service.problems import BODY_TOO_LARGE, CONTENT_TYPE, REQUEST_TIMEOUT, Problem, body
from libs.service.sockets import NO_SOCKETS, POLICY_VIOLATION, SocketLimits, protocol

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""ASGI as its specification has it: the messages are open dictionaries, which is why `Any` stands here."""
Header: TypeAlias = tuple[bytes, bytes]

REQUEST_ID: Final = b"x-request-id"
_REQUEST_ID_FORM: Final = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_PROBLEM_TYPE: Final = (b"content-type", CONTENT_TYPE.encode())
_PATIENCE: Final = Patience()
_GONE: Final = "http.disconnect"
_CHALLENGE: Final = (b"www-authenticate", b'Bearer realm="outcry"')
# Beyond this much that nobody will look at, the connection is closed instead of read to the body's end.
_MOST_IGNORED: Final = 64 * 1024 * 1024


def new_request_id() -> str:
    return os.urandom(12).hex()


def request_id(headers: Iterable[Header]) -> str:
    """The client's `X-Request-Id` when it is well formed, else a new one."""
    for name, value in headers:
        if name == REQUEST_ID and _REQUEST_ID_FORM.fullmatch(value):
            return value.decode()
    return new_request_id()


def header(headers: Iterable[Header], name: bytes) -> str | None:
    """The first header of that (lower case) name. Bytes beyond ASCII become `?`, which no value of ours has."""
    for key, value in headers:
        if key == name:
            return value.decode("ascii", "replace")
    return None


async def read_body(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes:
    """The whole body. Raises Problem as soon as it is known to exceed `most` bytes."""
    announced = headers.get(b"content-length")
    if announced is not None and int(announced) > most:
        raise _too_large(most, close=int(announced) > _MOST_IGNORED)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == _GONE:
        raise Problem(REQUEST_TIMEOUT, close=True)
    if not message.get("more_body", False) and len(body) <= most:
        return body
    parts, length = [body], len(body)
    while message.get("more_body", False):
        if length > most:
            raise _too_large(most, close=True)
        message = await receive()
        if message["type"] == _GONE:  # what has come so far must not be taken for the whole
            raise Problem(REQUEST_TIMEOUT, close=True)
        parts.append(message.get("body", b""))
        length += len(parts[-1])
    if length > most:
        raise _too_large(most, close=True)
    return b"".join(parts)


def _too_large(most: int, *, close: bool) -> Problem:
    return Problem(BODY_TOO_LARGE, f"the body may have {most} bytes", close=close)


async def respond(send: Send, status: int, headers: list[Header], payload: bytes) -> None:
    """Send a whole response. Its length is added to the headers."""
    headers.append((b"content-length", b"%d" % len(payload)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


def problem_headers(problem: Problem, identity: str) -> list[Header]:
    headers = [_PROBLEM_TYPE, (REQUEST_ID, identity.encode())]
    if problem.kind.status in {429, 503}:
        headers.append((b"retry-after", b"%d" % problem.retry_after_s))
    elif problem.kind.status == 401:
        headers.append(_CHALLENGE)
    if problem.close:
        headers.append((b"connection", b"close"))
    return headers


async def respond_problem(send: Send, problem: Problem, identity: str, extra: Iterable[Header] = ()) -> None:
    headers = [*problem_headers(problem, identity), *extra]
    await respond(send, problem.kind.status, headers, body(problem, identity))


async def refuse_socket(scope: Scope, send: Send, problem: Problem, extra: Iterable[Header] = ()) -> None:
    """Answer a handshake with an error: as HTTP where the server can, else it is a bare 403."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": problem.kind.code})
        return
    identity = request_id(scope["headers"])
    headers = [*problem_headers(problem, identity), *extra]
    await send({"type": "websocket.http.response.start", "status": problem.kind.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body(problem, identity)})


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class HttpServer:
    """One listening ASGI server in the running loop. `port` is the real one once started."""

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        *,
        stop_timeout_s: int = 3,
        keep_alive_s: int = 75,
        sockets: SocketLimits = NO_SOCKETS,
        backlog: int = 2048,
        patience: Patience = _PATIENCE,
    ) -> None:
        self.host = host
        self.port = port
        self._backlog = backlog
        self._server = _Server(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none" if sockets is NO_SOCKETS else protocol(sockets),
                ws_max_size=sockets.message_bytes,
                ws_ping_interval=sockets.ping_s,
                ws_ping_timeout=sockets.pong_s,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=stop_timeout_s,
                backlog=backlog,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self._watch = Watch(patience)
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises Fatal when the port is in use."""
        listener = _bind(self.host, self.port)
        self.port = listener.getsockname()[1]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="http-server")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self._task
            raise Fatal(f"the server on {self.host}:{self.port} ended before it listened")
        self._watching = asyncio.create_task(self._watch.run(self._server.server_state.connections))

    async def stop(self) -> None:
        """Stop listening, let requests in hand finish (bounded), close the connections."""
        self._server.should_exit = True
        if self._watching is not None:
            self._watching.cancel()
        if self._task is not None:
            await self._task
            self._task = None


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Fatal(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener
