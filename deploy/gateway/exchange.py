"""One request on its way to an upstream, and its answer on the way back."""

import time
from typing import Protocol

from deploy.gateway.message import READS, Request
from deploy.gateway.problems import OVERLOADED, READ_LATE, READ_LOST, UNAVAILABLE, WRITE_LATE, WRITE_LOST, Kind
from deploy.gateway.upstream import Pool, UpstreamConnection


class Asker(Protocol):
    """The client's connection, as an exchange sees it."""

    def answer(self, data: bytes) -> None:
        """Write part of an answer."""

    def answered(self) -> None:
        """The answer is complete."""

    def fail(self, problem: Kind, detail: str) -> None:
        """Answer with a problem."""

    def break_off(self) -> None:
        """An answer cannot be completed: hang up, so that nobody takes it for whole."""


class Exchange:
    """Sends `request` at most once, save a read that met a connection as it was closing."""

    def __init__(self, client: Asker, request: Request, pool: Pool) -> None:
        self._client: Asker | None = client
        self._request = request
        self._pool = pool
        self._connection: UpstreamConnection | None = None
        self._answering = False
        self._was_used = False
        self._tried_again = False
        self.deadline = time.monotonic()

    def start(self, seconds: float) -> None:
        """Ask for a connection; an answer must begin within `seconds`."""
        self.deadline += seconds
        if not self._pool.acquire(self):
            self._fail(OVERLOADED)

    def forget_client(self) -> None:
        """The client is gone. What was sent goes on, for a write is better finished than cut."""
        self._client = None
        self.let_flow()

    def hold(self) -> None:
        """The client reads slowly."""
        if self._connection is not None:
            self._connection.hold()

    def let_flow(self) -> None:
        """The client has read."""
        if self._connection is not None:
            self._connection.let_flow()

    def expire(self) -> None:
        """Too late: answer so, unless the answer is on its way."""
        if self._answering:
            return
        connection, self._connection = self._connection, None
        if connection is None:
            self._fail(OVERLOADED)
            return
        connection.abandon()
        self._fail(READ_LATE if self._is_read else WRITE_LATE)

    def acquired(self, connection: UpstreamConnection) -> None:
        if self._client is None:  # it hung up, or was told of the delay, before anything was sent
            self._pool.release(connection)
            return
        self._connection = connection
        self._was_used = connection.used
        connection.send(self, self._request.written(), head_only=self._request.method == b"HEAD")

    def unavailable(self) -> None:
        self._fail(UNAVAILABLE)

    def answer_data(self, data: bytes) -> None:
        self._answering = True
        if self._client is not None:
            self._client.answer(data)

    def answer_complete(self) -> None:
        self._connection = None
        if self._client is not None:
            self._client.answered()

    def answer_lost(self, *, begun: bool) -> None:
        self._connection = None
        if self._client is None:
            return
        if begun:
            self._client.break_off()
        elif self._is_read and self._was_used and not self._tried_again:
            self._tried_again = True
            if not self._pool.acquire(self, fresh=True):
                self._fail(OVERLOADED)
        else:
            self._fail(READ_LOST if self._is_read else WRITE_LOST)

    @property
    def _is_read(self) -> bool:
        return self._request.method in READS

    def _fail(self, problem: Kind) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.fail(problem, f"{self._pool.name}: {problem.meaning}")
