"""How long a server waits for a client, and how much it listens to before it knows what is asked.

uvicorn ends connections that are idle between requests, and no others. Here a connection that sends its head or body
too slowly, or does not read its answer, is ended by one look at all of them a second; requests in time pay nothing for it.
"""

import asyncio
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from libs.service.problems import CONTENT_TYPE, HEAD_TOO_LARGE, REQUEST_TIMEOUT, Kind, Problem, body

HEAD_BYTES: Final = 32 * 1024
LOOK_S: Final = 1.0


class Patience(NamedTuple):
    """Seconds without an end, or for an answer without progress."""

    head_s: float = 10.0
    body_s: float = 15.0
    answer_s: float = 30.0


_HEAD, _BODY, _ANSWER = range(3)
_State: TypeAlias = tuple[int, int]
"""What is waited for, and a number that changes when there is progress."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head without end."""

    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = _cycle(self)
        if cycle is not None and self.scope is cycle.scope:  # the head is complete
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            refuse(self.transport, HEAD_TOO_LARGE)


class Watch:
    """Ends the connections of one server that take too long. `look` once a second."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since: dict[HttpToolsProtocol, tuple[_State, float]] = {}

    async def run(self, connections: Iterable[object]) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            self.look([each for each in connections if isinstance(each, HttpToolsProtocol)], loop.time())

    def look(self, connections: Iterable[HttpToolsProtocol], now: float) -> None:
        before, self._since = self._since, {}
        for connection in connections:
            state = _state(connection)
            if state is None or connection.transport.is_closing():
                continue
            last = before.get(connection)
            since = last[1] if last is not None and last[0] == state else now
            if now - since < self._patience[state[0]]:
                self._since[connection] = (state, since)
            elif state[0] == _ANSWER or _answering(connection):
                connection.transport.abort()
            else:
                refuse(connection.transport, REQUEST_TIMEOUT)


def _cycle(connection: HttpToolsProtocol) -> RequestResponseCycle | None:
    """The request whose head came last; its type has no None, though it begins so."""
    return cast("RequestResponseCycle | None", connection.cycle)


def _state(connection: HttpToolsProtocol) -> _State | None:
    """None while it is the server's turn, or nothing is asked and uvicorn's own timer runs."""
    cycle = _cycle(connection)
    if cycle is None or connection.scope is not cycle.scope:
        return _HEAD, id(connection.scope)
    if cycle.response_complete:
        # Data after the answer stops uvicorn's timer: the rest of a body nobody wants, however slowly it comes.
        return None if connection.timeout_keep_alive_task is not None else (_BODY, id(connection.scope))
    if connection.flow.write_paused:
        return _ANSWER, connection.transport.get_write_buffer_size()
    return (_BODY, id(connection.scope)) if cycle.more_body else None


def _answering(connection: HttpToolsProtocol) -> bool:
    """Whether an answer is on its way, or owed: another one must not be written before or into it."""
    cycle = _cycle(connection)
    if cycle is None or cycle.response_complete:
        return False
    return cycle.response_started or connection.scope is not cycle.scope


def refuse(transport: asyncio.Transport, kind: Kind) -> None:
    """Say why, and hang up."""
    payload = body(Problem(kind), "")
    head = (
        f"HTTP/1.1 {kind.status} {kind.title}\r\ncontent-type: {CONTENT_TYPE}\r\n"
        f"content-length: {len(payload)}\r\nconnection: close\r\n\r\n"
    )
    transport.write(head.encode() + payload)
    transport.close()
