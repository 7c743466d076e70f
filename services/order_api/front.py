"""The ASGI front: order requests go straight to their use case, everything else to Litestar.

A request about orders costs a dictionary look-up here instead of a walk through routing, dependency injection and
serialization, which took more time than validating, claiming and publishing together.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from libs.access.caller import Caller, caller_in
from libs.service import problems
from libs.service.http import App, Header, Receive, Scope, Send, read_body, request_id, respond, respond_problem
from libs.service.logging import Log as Logger
from libs.service.problems import Problem
from services.order_api import answers, requests
from services.order_api.building import check_key
from services.order_api.commands import Commands
from services.order_api.settings import OrderApiSettings
from services.order_api.tally import Tally

Answer: TypeAlias = tuple[int, list[Header], bytes]
_ORDERS: Final = "/orders"
_BATCH: Final = "/orders/batch"
_ORDER: Final = "/orders/"
_CANCEL_ALL_AFTER: Final = "/cancel-all-after"
_ONE_PRODUCT: Final = frozenset(("product_id",))
_PRODUCT_AND_SIDE: Final = frozenset(("product_id", "side"))
_NOTHING: Final[frozenset[str]] = frozenset()


class Head(NamedTuple):
    """What the handlers want of a request besides its body."""

    path: str
    query: bytes
    who: Caller
    key: str
    headers: dict[bytes, bytes]
    receive: Receive


Handler: TypeAlias = Callable[[Head], Awaitable[Answer]]


class Front:
    """The ASGI application of order_api."""

    def __init__(
        self, commands: Commands, rest: App, sockets: App, settings: OrderApiSettings, tally: Tally, logger: Logger
    ) -> None:
        self._commands = commands
        self._sockets = sockets
        self._rest = rest
        self._settings = settings
        self._tally = tally
        self._logger = logger
        self._routes: dict[str, dict[str, Handler]] = {
            _ORDERS: {"POST": self._place, "DELETE": self._cancel_all},
            _BATCH: {"POST": self._batch},
            _ORDER: {"PATCH": self._amend, "DELETE": self._cancel},
            _CANCEL_ALL_AFTER: {"POST": self._cancel_all_after},
        }
        self._timers = {
            (route, status): tally.requests(route, f"{status}xx") for route in self._routes for status in (2, 4, 5)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        path: str = scope["path"]
        route = path if path in self._routes else _ORDER if path.startswith(_ORDER) else ""
        if not route:
            await self._rest(scope, receive, send)
            return
        began = time.perf_counter()
        handler = self._routes[route].get(scope["method"])
        if handler is None:
            status = await self._refuse(scope, send, Problem(problems.METHOD_NOT_ALLOWED), route)
        else:
            status = await self._handle(handler, scope, receive, send)
        took = time.perf_counter() - began
        self._timers[route, status // 100].observe(took)
        if status < 300:
            self._tally.acknowledged.observe(took)

    def body_limit(self, path: str) -> int:
        """Bytes a request's body may have."""
        return self._settings.batch_body_bytes if path == _BATCH else self._settings.body_bytes

    async def _handle(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            headers = dict(scope["headers"])
            head = Head(
                scope["path"], scope["query_string"], caller_in(scope), idempotency_key(headers), headers, receive
            )
            status, answer_headers, payload = await handler(head)
        except Problem as problem:
            return await self._refuse(scope, send, problem)
        except Exception:
            identity = request_id(scope["headers"])
            self._logger.exception("request failed", path=scope["path"], request_id=identity)
            await respond_problem(send, Problem(problems.INTERNAL), identity)
            return 500
        await respond(send, status, answer_headers, payload)
        return status

    async def _refuse(self, scope: Scope, send: Send, problem: Problem, route: str = "") -> int:
        extra: list[Header] = []
        if route:
            extra.append((b"allow", ", ".join(sorted(self._routes[route])).encode()))
        self._tally.problem(problem.kind.code)
        await respond_problem(send, problem, request_id(scope["headers"]), extra)
        return problem.kind.status

    async def _place(self, head: Head) -> Answer:
        _parameters(head.query, _NOTHING)
        body = await read_body(head.receive, head.headers, self._settings.body_bytes)
        return 202, *answers.accepted(await self._commands.place(body, head.who, head.key))

    async def _amend(self, head: Head) -> Answer:
        name, product_id = head.path[len(_ORDER) :], _parameters(head.query, _ONE_PRODUCT).get("product_id")
        body = await read_body(head.receive, head.headers, self._settings.body_bytes)
        return 202, *answers.accepted(await self._commands.amend(name, product_id, body, head.who, head.key))

    async def _cancel(self, head: Head) -> Answer:
        given = await self._given(head, _ONE_PRODUCT)
        name, product_id = head.path[len(_ORDER) :], given.get("product_id")
        return 202, *answers.accepted(await self._commands.cancel(name, product_id, head.who, head.key))

    async def _cancel_all(self, head: Head) -> Answer:
        given = await self._given(head, _PRODUCT_AND_SIDE)
        product_id = given.get("product_id")
        found = await self._commands.cancel_all(product_id, given.get("side"), head.who, head.key)
        if product_id is None:
            return 200, *answers.results(found, request_id(head.headers.items()))
        (result,) = found
        if isinstance(result, Problem):
            raise result
        return 202, *answers.accepted(result)

    async def _given(self, head: Head, known: frozenset[str]) -> dict[str, str]:
        """Parameters of a DELETE: in the query or, as CCXT sends them, in a JSON body."""
        given = _parameters(head.query, known)
        if b"content-length" in head.headers or b"transfer-encoding" in head.headers:
            body = await read_body(head.receive, head.headers, self._settings.body_bytes)
            for name, value in requests.parameters(body).items():
                _put(given, name, value, known)
        return given

    async def _cancel_all_after(self, head: Head) -> Answer:
        _parameters(head.query, _NOTHING)
        body = await read_body(head.receive, head.headers, self._settings.body_bytes)
        return 202, *answers.accepted(await self._commands.cancel_all_after(body, head.who, head.key))

    async def _batch(self, head: Head) -> Answer:
        _parameters(head.query, _NOTHING)
        body = await read_body(head.receive, head.headers, self._settings.batch_body_bytes)
        found = await self._commands.batch(body, head.who, head.key)
        return 200, *answers.results(found, request_id(head.headers.items()))


def idempotency_key(headers: dict[bytes, bytes]) -> str:
    value = headers.get(b"idempotency-key")
    return "" if value is None else check_key(value.decode("ascii", "replace"))


def _parameters(query: bytes, known: frozenset[str]) -> dict[str, str]:
    if not query:
        return {}
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True):
        _put(given, name, value, known)
    return given


def _put(given: dict[str, str], name: str, value: str, known: frozenset[str]) -> None:
    if name not in known or name in given:
        raise Problem(problems.INVALID_PARAMETER, f"{name[:64]!r} is unknown here, or given twice", name[:64])
    given[name] = value
