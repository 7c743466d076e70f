"""Paths to answers. Books, which are asked for most, are routed before Litestar sees them; the rest it serves."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from libs.service import problems
from libs.service.http import (
    App,
    Header,
    Receive,
    Scope,
    Send,
    problem_headers,
    read_body,
    request_id,
    respond,
    respond_problem,
)
from libs.service.logging import Log
from libs.service.metrics import Histogram, Metrics
from libs.service.problems import Kind, Problem, body
from services.query_api.description import pages
from services.query_api.endpoints import Endpoints, Handler
from services.query_api.sources import Answer
from services.query_api.trade_stream import BrokenOff

Asked: TypeAlias = Request[Any, Any, State]
Given: TypeAlias = Response[bytes]
_JSON: Final = "application/json"
_STREAM: Final = "trades.ndjson"
_AT_ONCE: Final = re.compile(rf"/products/([^/]{{1,64}})/(book|{re.escape(_STREAM)})")
_PARAMETER: Final = re.compile(r"\{(\w+):str\}")
_AtOnce: TypeAlias = Callable[[str, Scope, Receive, Send], Awaitable[None]]


def litestar_app(endpoints: Endpoints, log: Log, most: int) -> Litestar:
    """The Litestar application behind the front. A body may have `most` bytes."""

    def route(path: str, handler: Handler) -> Any:
        """A GET whose one path parameter, where it has one, is handed over."""
        name = _PARAMETER.search(path)

        @get(path, name=path)
        async def served(request: Asked) -> Given:
            given = (request.path_params[name[1]],) if name else ()
            return _response(await handler(request.scope, *given))

        return served

    def posted(path: str, handler: Handler) -> Any:
        """A POST that changes nothing: the parameter of its path, and its body."""
        (name,) = _PARAMETER.findall(path)

        @post(path, name=path, status_code=200)
        async def served(request: Asked) -> Given:
            body = await read_body(cast("Any", request.receive), dict(request.scope["headers"]), most)
            return _response(await handler(request.scope, request.path_params[name], body))

        return served

    return Litestar(
        [
            *(route(path, handler) for path, handler in endpoints.routes().items()),
            *(posted(path, handler) for path, handler in endpoints.posts().items()),
        ],
        openapi_config=None,
        exception_handlers=_error_answers(log),
        logging_config=None,
    )


def _response(answer: Answer) -> Given:
    headers = {"CB-BEFORE": answer.before, "CB-AFTER": answer.after} if answer.before else None
    return Response(answer.body, headers=headers, media_type=_JSON)


def _error_answers(log: Log) -> dict[int | type[Exception], Callable[[Asked, Any], Given]]:
    def answer(request: Asked, problem: Problem, extra: Mapping[str, str] | None = None) -> Given:
        identity = request_id(request.scope["headers"])
        named = {name.decode(): value.decode() for name, value in problem_headers(problem, identity)}
        media_type = named.pop("content-type")
        return Response(
            body(problem, identity),
            status_code=problem.kind.status,
            headers={**named, **(extra or {})},
            media_type=media_type,
        )

    def on_problem(request: Asked, problem: Problem) -> Given:
        return answer(request, problem)

    def on_http(request: Asked, error: HTTPException) -> Given:
        known: dict[int, Kind] = {404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED}
        kind = known.get(error.status_code)
        if kind is None:
            return on_fault(request, error)
        return answer(request, Problem(kind), error.headers)

    def on_fault(request: Asked, error: Exception) -> Given:
        identity = request_id(request.scope["headers"])
        log.error("request failed", path=request.url.path, request_id=identity, exc_info=error)
        return answer(request, Problem(problems.INTERNAL))

    return {Problem: on_problem, HTTPException: on_http, Exception: on_fault}


class Front:
    """The ASGI application: books at once, streams of trades as they are read, sockets to the feed, everything else by
    Litestar; requests are timed."""

    def __init__(self, endpoints: Endpoints, sockets: App, log: Log, metrics: Metrics, most: int) -> None:
        self._endpoints = endpoints
        self._sockets = sockets
        self._log = log
        self._rest = cast("App", litestar_app(endpoints, log, most))
        self._pages = pages()
        self._books = _timer(metrics, "/products/{product_id}/book")
        self._streams = _timer(metrics, "/products/{product_id}/trades.ndjson")
        self._others = _timer(metrics, "other")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        if scope["method"] == "GET" and (page := self._pages.get(scope["path"])) is not None:
            await respond(send, 200, [(b"content-type", page.media_type), *page.headers], page.content)
            return
        began = time.perf_counter()
        match = _AT_ONCE.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        if match is None:
            await self._rest(scope, receive, send)
            self._others.observe(time.perf_counter() - began)
            return
        stream = match[2] == _STREAM
        await self._answer(self._stream if stream else self._book, match[1], scope, receive, send)
        (self._streams if stream else self._books).observe(time.perf_counter() - began)

    async def _answer(self, handler: _AtOnce, product_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await handler(product_id, scope, receive, send)
        except Problem as problem:
            await respond_problem(send, problem, request_id(scope["headers"]))
        except BrokenOff as failure:
            self._log.warning("stream broken off", path=scope["path"], cause=str(failure))
            raise  # the server hangs up
        except Exception:  # noqa: BLE001  # answered, and told with its trace
            identity = request_id(scope["headers"])
            self._log.exception("request failed", path=scope["path"], request_id=identity)
            await respond_problem(send, Problem(problems.INTERNAL), identity)

    async def _book(self, product_id: str, scope: Scope, _receive: Receive, send: Send) -> None:
        answer = await self._endpoints.market.book(scope, product_id)
        headers: list[Header] = [(b"content-type", _JSON.encode())]
        await respond(send, 200, headers, answer.body)

    async def _stream(self, product_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoints.trade_streams.send(product_id, scope, receive, send)


def _timer(metrics: Metrics, route: str) -> Histogram:
    return metrics.histogram("http_request_seconds", "Of requests, by route", route=route)
