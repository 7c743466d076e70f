"""`/ws/orders`: orders placed, amended and canceled over a socket, with the answers that HTTP gives.

The handshake is signed like any request, and its credentials hold for the socket. Messages may be sent without waiting
for answers. Those that came while others were on their way go together, and reach the log in the order in which they
were sent. A message that was read is answered, or the socket is closed with a reason: then the same key tells what became of it.
"""

import asyncio
from collections import deque
from time import perf_counter
from typing import Final

import msgspec

from libs.access.access import Access
from libs.access.caller import Caller, Credential, caller_in, credential_in
from libs.service import problems, sockets
from libs.service.http import Receive, Scope, Send, refuse_socket
from libs.service.problems import Problem
from libs.service.process import Process
from libs.service.sockets import Closing, Wire, text_frame, wire_in
from services.order_api.answers import answer
from services.order_api.desk import Desk
from services.order_api.intake import Result
from services.order_api.intents import Taken
from services.order_api.settings import OrderApiSettings
from services.order_api.socket_requests import Asked, parse

PATH: Final = "/ws/orders"


class OrderSockets:
    """The ASGI application of the sockets, and all that are open."""

    def __init__(self, desk: Desk, access: Access, process: Process[OrderApiSettings]) -> None:
        self._desk = desk
        self._access = access
        self._process = process
        self._settings = process.settings
        self._open: set[OrderSocket] = set()
        self._closing = False
        process.metrics.gauge("websocket_connections", "Sockets that are open", lambda: float(len(self._open)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if scope["path"] != PATH:
            await self._refuse(scope, send, Problem(problems.NOT_FOUND, f"sockets are at {PATH}"))
        elif self._closing:
            await self._refuse(scope, send, Problem(problems.STOPPING))
        elif len(self._open) >= self._settings.sockets:
            await self._refuse(scope, send, Problem(problems.OVERLOADED, "so many sockets are open, and no more"))
        else:
            await send({"type": "websocket.accept"})
            who, credential = caller_in(scope), credential_in(scope)
            await self._serve(
                OrderSocket(wire_in(scope), who, credential, self._desk, self._access, self._process), receive
            )

    async def close(self) -> None:
        """Say so, answer what was read, and hang up."""
        self._closing = True
        notice = Closing(self._settings.socket_notice_ms)
        for each in self._open:
            each.stop(notice)
        if self._open:
            await asyncio.sleep(self._settings.socket_notice_ms / 1000)
        for each in list(self._open):
            await each.drain()
            each.wire.hang_up(sockets.RESTART, "restart")

    async def _refuse(self, scope: Scope, send: Send, problem: Problem) -> None:
        self._desk.tally.problem(problem.kind.code)
        await refuse_socket(scope, send, problem)

    async def _serve(self, socket: "OrderSocket", receive: Receive) -> None:
        self._open.add(socket)
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                text = message.get("text")
                if text is None:
                    socket.wire.hang_up(sockets.UNSUPPORTED, problems.BINARY_MESSAGE.code)
                else:
                    await socket.take(text)
        except Exception:
            self._process.log.exception("socket failed")
            socket.wire.hang_up(sockets.FAULT, problems.INTERNAL.code)
        finally:
            await socket.drain()
            self._open.discard(socket)


class OrderSocket:
    """One client: what it has sent and is not answered yet, in order."""

    def __init__(
        self, wire: Wire, who: Caller, credential: Credential, desk: Desk, access: Access,
        process: Process[OrderApiSettings],
    ) -> None:  # fmt: skip
        self.wire = wire
        self._log = process.log
        self._who = who
        self._credential = credential
        self._desk = desk
        self._access = access
        self._settings = process.settings
        self._waiting: deque[Asked] = deque()
        self._in_flight = 0
        self._room = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._stopping = False

    async def take(self, text: str) -> None:
        """Take a message. Returns when there is room for another one: until then nothing is read from the client."""
        if self._is_revoked():
            self.wire.hang_up(sockets.POLICY_VIOLATION, problems.INVALID_API_KEY.code)
            return
        asked = parse(text)
        if self._stopping:
            asked = asked._replace(item=Problem(problems.STOPPING))
        elif not isinstance(asked.item, Problem):
            asked = await self._charged(asked)
        self._waiting.append(asked)
        self._in_flight += 1
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        while self._in_flight >= self._settings.socket_in_flight:
            self._room.clear()
            await self._room.wait()

    def stop(self, notice: Closing) -> None:
        """From here on messages are refused."""
        self._stopping = True
        self._write(msgspec.json.encode(notice))

    async def drain(self) -> None:
        """Wait until all that was read is answered."""
        if self._runner is not None:
            await asyncio.wait({self._runner})

    def _is_revoked(self) -> bool:
        key, signatures = self._credential.key, self._access.signatures
        return bool(key) and (signatures is None or signatures.ring.find(key) is None)

    async def _charged(self, asked: Asked) -> Asked:
        """As a request: the credential's own limit counts each message."""
        limits = self._access.limits
        if limits is None:
            return asked
        try:
            await limits.charge_key(self._credential.name, limits.ledger())
        except Problem as problem:
            return asked._replace(item=problem)
        return asked

    async def _run(self) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._settings.batch_items))]
                began = perf_counter()
                for asked, result in zip(group, await self._results(group), strict=True):
                    self._tell(asked, result, began)
                self._in_flight -= len(group)
                self._room.set()
        finally:
            self._runner = None

    async def _results(self, group: list[Asked]) -> list[Result]:
        try:
            return await self._desk.commands.items(
                [each.item for each in group], [each.key for each in group], self._who
            )
        except Problem as problem:
            return [each.item if isinstance(each.item, Problem) else problem for each in group]
        except Exception:  # noqa: BLE001  # answered, and told with its trace
            self._log.exception("request failed", path=PATH)
            return [Problem(problems.INTERNAL) for _ in group]

    def _tell(self, asked: Asked, result: Result, began: float) -> None:
        if isinstance(result, Taken):
            self._desk.tally.acknowledged.observe(perf_counter() - began)
        else:
            self._desk.tally.problem(result.kind.code)
        self._write(answer(result, asked.request_id))

    def _write(self, payload: bytes) -> None:
        if self.wire.waiting > self._settings.socket_bytes:
            self.wire.hang_up(sockets.TRY_AGAIN_LATER, problems.SLOW_READER.code)
        self.wire.write(text_frame(payload))
