"""Connections to one upstream: kept, counted, handed out, and taken back when an answer is complete."""

import asyncio
import time
from collections import deque
from typing import Protocol, cast

import httptools

from deploy.endpoint import Endpoint
from deploy.gateway.settings import GatewaySettings

FIRST_FINAL_STATUS = 200


class Answered(Protocol):
    """Who waits for the answer that comes over an upstream connection."""

    def answer_data(self, data: bytes) -> None:
        """Part of the answer, as it came."""

    def answer_complete(self) -> None:
        """The answer has ended; the connection is in the pool again."""

    def answer_lost(self, *, begun: bool) -> None:
        """The upstream hung up; `begun` when part of the answer had come."""


class Acquirer(Protocol):
    """Who waits for a connection."""

    def acquired(self, connection: "UpstreamConnection") -> None:
        """Here is one; it is yours until its answer is complete."""

    def unavailable(self) -> None:
        """The upstream cannot be reached."""


class UpstreamConnection(asyncio.Protocol):
    """One connection, which carries one request at a time."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._owner: Answered | None = None
        self._begun = False
        self._head_only = False
        self._held = False
        self.used = False
        self.idle_since = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport

    def send(self, owner: Answered, request: bytes, *, head_only: bool) -> None:
        """Send a request; what comes back goes to `owner`."""
        self._owner = owner
        self._begun = False
        self._head_only = head_only
        self.used = True
        self.transport.write(request)

    def abandon(self) -> None:
        """The owner wants to hear no more of it; the answer cannot be told from the next one's, so hang up."""
        self._owner = None
        self.transport.abort()

    def hold(self) -> None:
        """Read no more until `let_flow`."""
        self._held = True
        self.transport.pause_reading()

    def let_flow(self) -> None:
        """Read again."""
        if self._held:
            self._held = False
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # not a subclass in uvloop

    def data_received(self, data: bytes) -> None:
        owner = self._owner
        if owner is None:  # it speaks without being asked
            self.transport.abort()
            return
        self._begun = True
        owner.answer_data(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        # The parser expects a body that an answer to HEAD does not have: it is of no more use.
        if self._head_only and self._parser.get_status_code() >= FIRST_FINAL_STATUS:
            self._finish(keep=False)

    def on_message_complete(self) -> None:
        if self._owner is not None and self._parser.get_status_code() >= FIRST_FINAL_STATUS:
            self._finish(keep=self._parser.should_keep_alive())

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.answer_lost(begun=self._begun)

    def _finish(self, *, keep: bool) -> None:
        owner, self._owner = self._owner, None
        if keep:
            self.let_flow()
            self._pool.release(self)
        else:
            self.transport.close()
        if owner is not None:
            owner.answer_complete()


class Pool:
    """Connections to the upstream `name`."""

    def __init__(self, name: str, address: Endpoint, settings: GatewaySettings) -> None:
        self.name = name
        self._address = address
        self._settings = settings
        self._idle: list[UpstreamConnection] = []
        self._open = 0
        self._waiting: deque[Acquirer] = deque()
        self._connecting: set[asyncio.Task[None]] = set()

    def acquire(self, acquirer: Acquirer, *, fresh: bool = False) -> bool:
        """Give `acquirer` a connection, now or soon; False when too many wait already."""
        if self._idle and not fresh:
            acquirer.acquired(self._idle.pop())
            return True
        if self._open < self._settings.max_upstream_connections:
            self._open += 1
            task = asyncio.get_running_loop().create_task(self._connect(acquirer))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
            return True
        if len(self._waiting) >= self._settings.max_waiting:
            return False
        self._waiting.append(acquirer)
        return True

    def release(self, connection: UpstreamConnection) -> None:
        """Take a connection back."""
        if self._waiting:
            self._waiting.popleft().acquired(connection)
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """A connection is gone; whoever waits for one gets a new one."""
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if self._waiting:
            self.acquire(self._waiting.popleft(), fresh=True)

    def close_idle(self, now: float) -> None:
        """Hang up what has been idle for long."""
        limit = now - self._settings.upstream_idle_seconds
        for connection in [each for each in self._idle if each.idle_since < limit]:
            self._idle.remove(connection)
            connection.transport.close()

    async def _connect(self, acquirer: Acquirer) -> None:
        loop = asyncio.get_running_loop()
        attempt = loop.create_connection(lambda: UpstreamConnection(self), *self._address)
        try:
            _, connection = await asyncio.wait_for(attempt, self._settings.connect_seconds)
        except (OSError, TimeoutError):
            self._open -= 1
            acquirer.unavailable()
            while self._waiting:
                self._waiting.popleft().unavailable()
            return
        acquirer.acquired(connection)
