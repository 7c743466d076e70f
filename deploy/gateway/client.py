"""A client's connection: requests parsed within limits, answered in the order in which they came."""

import asyncio
import time
from collections import deque
from typing import Protocol, cast

import httptools

from deploy.gateway.exchange import Exchange
from deploy.gateway.message import READS, WRITES, Request
from deploy.gateway.problems import (
    BODY_TOO_LARGE,
    HEAD_TOO_LARGE,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    TIMEOUT,
    TOO_MANY,
    Kind,
    written,
)
from deploy.gateway.settings import GatewaySettings
from deploy.gateway.upstream import Pool

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEALTH_PATHS = frozenset((b"/healthz", b"/readyz"))


class Gateway(Protocol):
    """What a connection asks of the whole."""

    settings: GatewaySettings
    order_api: Pool
    query_api: Pool

    def opened(self, connection: "ClientConnection") -> bool:
        """Count it in; False when there are too many."""

    def closed(self, connection: "ClientConnection") -> None:
        """Count it out."""

    def count(self, outcome: str) -> None:
        """Count a request by the upstream it went to or by the code of its problem."""

    def health(self, client: "ClientConnection", path: str) -> None:
        """Answer for all processes."""

    def tunnel(self, transport: asyncio.Transport, request: Request, first: bytes) -> None:
        """Take over the transport of a WebSocket."""


class ClientConnection(asyncio.Protocol):
    """Reads on while a request is answered, up to a limit of queued requests."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._settings = gateway.settings
        self._parser = httptools.HttpRequestParser(self)
        self._reading: Request | None = None
        self._head_bytes = 0
        self._queue: deque[Request] = deque()
        self._current: Request | None = None
        self._exchange: Exchange | None = None
        self._since = time.monotonic()  # when the client's turn, or the draining, began
        self._deaf = False  # what comes in is no longer read as requests
        self._held = False  # reading is paused: too many requests are queued
        self._slow = False  # the client does not read its answers
        self._websocket: Request | None = None
        self._transport: asyncio.Transport
        self._peer = b""

    # The transport's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # not a subclass in uvloop
        self._peer = str((transport.get_extra_info("peername") or ("",))[0]).encode()
        if not self._gateway.opened(self):
            self._refuse(TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gateway.closed(self)
        self._deaf = True
        if self._exchange is not None:
            self._exchange.forget_client()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(MALFORMED)
        if 0 <= self._settings.max_head_bytes < self._head_bytes and not self._deaf:
            self._refuse(HEAD_TOO_LARGE)

    def pause_writing(self) -> None:
        self._slow = True
        if self._exchange is not None:
            self._exchange.hold()

    def resume_writing(self) -> None:
        self._slow = False
        if self._exchange is not None:
            self._exchange.let_flow()
        self._next()

    # The parser's calls.

    def on_message_begin(self) -> None:
        self._reading = Request(self._peer)
        self._since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        if self._reading is not None:
            self._reading.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reading is not None:
            self._reading.header(name, value)

    def on_headers_complete(self) -> None:
        request = self._reading
        if request is None:
            return
        self._head_bytes = -1
        request.method = self._parser.get_method()
        request.version = self._parser.get_http_version()
        request.keep_alive = self._parser.should_keep_alive()
        if request.wants_continue and self._current is None:
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        request = self._reading
        if request is None or self._deaf:
            return
        request.body.append(body)
        request.body_bytes += len(body)
        if request.body_bytes > self._settings.max_body_bytes:
            self._refuse(BODY_TOO_LARGE)

    def on_message_complete(self) -> None:
        request, self._reading = self._reading, None
        self._head_bytes = 0
        if request is None or self._deaf:
            return
        if request.is_websocket and self._current is None:
            self._websocket = request
            return
        self._queue.append(request)
        if self._current is None:
            self._next()
        elif len(self._queue) > self._settings.max_queued_requests and not self._held:
            self._held = True
            self._transport.pause_reading()

    # The exchange's calls.

    def answer(self, data: bytes) -> None:
        self._transport.write(data)

    def answered(self) -> None:
        keep = self._current is not None and self._current.keep_alive
        self._current = self._exchange = None
        self._since = time.monotonic()
        if self._transport.is_closing():
            return
        if not keep:
            self._transport.close()
        elif self._queue:
            # Not at once: a long pipeline of quick answers would be a deep recursion.
            asyncio.get_running_loop().call_soon(self._next)

    def fail(self, problem: Kind, detail: str) -> None:
        request = self._current
        close = request is None or not request.keep_alive
        head_only = request is not None and request.method == b"HEAD"
        self._gateway.count(problem.code)
        self._transport.write(written(problem, detail, close=close, head_only=head_only))
        self.answered()

    def break_off(self) -> None:
        self._transport.abort()

    # The gateway's calls.

    @property
    def is_busy(self) -> bool:
        return self._current is not None

    def check_time(self, now: float) -> None:
        """End what takes too long."""
        waited = now - self._since
        if self._deaf:
            if waited > self._settings.drain_seconds:
                self._transport.close()
        elif self._exchange is not None:
            if now > self._exchange.deadline:
                self._exchange.expire()
        elif self._current is None and (self._reading is not None or self._head_bytes > 0):
            if waited > self._settings.read_seconds:
                self._refuse(TIMEOUT)
        elif self._current is None and waited > self._settings.keep_alive_seconds:
            self._transport.close()

    def close_when_idle(self) -> None:
        """The gateway stops: finish what is being answered, take nothing more."""
        if self._current is None:
            self._transport.close()
        else:
            self._current.keep_alive = False

    def _next(self) -> None:
        if not self._queue or self._current is not None or self._slow or self._transport.is_closing():
            return
        request = self._current = self._queue.popleft()
        if self._held and len(self._queue) <= self._settings.max_queued_requests:
            self._held = False
            self._transport.resume_reading()
        if request.method == b"GET" and request.path in HEALTH_PATHS:
            self._gateway.health(self, request.path.decode())
            return
        pool = self._route(request)
        if pool is None:
            self.fail(METHOD_NOT_ALLOWED, "")
            return
        self._gateway.count(pool.name)
        self._exchange = Exchange(self, request, pool)
        self._exchange.start(self._settings.answer_seconds)

    def _route(self, request: Request) -> Pool | None:
        if request.method in WRITES and not request.is_dry_run:
            return self._gateway.order_api
        if request.method in READS or request.method == b"OPTIONS" or request.is_dry_run:
            return self._gateway.query_api
        return None

    def _upgrade(self, first: bytes) -> None:
        if self._websocket is not None:
            self._deaf = True
            self._gateway.closed(self)
            self._gateway.tunnel(self._transport, self._websocket, first)
            return
        # Some other protocol was offered: the request has been taken as it is, the offer is declined.
        self._parser = httptools.HttpRequestParser(self)
        if first:
            self.data_received(first)

    def _refuse(self, problem: Kind) -> None:
        """Answer, read no more, and hang up a little later, so that the client gets to read the answer."""
        self._deaf = True
        self._since = time.monotonic()
        self._reading = None
        if self._exchange is None:
            self._gateway.count(problem.code)
            self._transport.write(written(problem, "", close=True))
            self._transport.write_eof()
        else:
            self._transport.abort()
