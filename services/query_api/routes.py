"""Paths to answers. Books, which are asked for most, are routed before Litestar sees them; the rest it serves."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from libs.service import problems
from libs.service.http import App, Header, Receive, Scope, Send, problem_headers, request_id, respond, respond_problem
from libs.service.logging import Log
from libs.service.metrics import Histogram, Metrics
from libs.service.problems import Kind, Problem, body
from services.query_api.answers import Answer, Answers

Asked: TypeAlias = Request[Any, Any, State]
Given: TypeAlias = Response[bytes]
_JSON: Final = "application/json"
_BOOK: Final = re.compile(r"/products/([^/]{1,64})/book")


def litestar_app(answers: Answers, log: Log) -> Litestar:
    """The Litestar application behind the front."""

    def route(path: str, handler: Callable[..., Awaitable[Answer]], name: str = "") -> Any:
        """A GET whose one path parameter, where it has one, is handed over."""
        if not name:

            @get(path, name=path)
            async def plain(request: Asked) -> Given:
                return _response(await handler(request.scope))

            return plain

        @get(path, name=path)
        async def named(request: Asked) -> Given:
            return _response(await handler(request.scope, request.path_params[name]))

        return named

    return Litestar(
        [
            route("/time", answers.time),
            route("/positions", answers.positions),
            route("/products", answers.products),
            route("/products/{product_id:str}", answers.product, "product_id"),
            route("/products/{product_id:str}/book", answers.book, "product_id"),
            route("/products/{product_id:str}/ticker", answers.ticker, "product_id"),
            route("/products/{product_id:str}/trades", answers.trades, "product_id"),
            route("/orders", answers.orders),
            route("/orders/{name:str}", answers.order, "name"),
            route("/orders/{name:str}/events", answers.events, "name"),
            route("/fills", answers.fills),
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
    """The ASGI application: books at once, everything else by Litestar; all of it timed."""

    def __init__(self, answers: Answers, log: Log, metrics: Metrics) -> None:
        self._answers = answers
        self._log = log
        self._rest = cast("App", litestar_app(answers, log))
        self._books = _timer(metrics, "/products/{product_id}/book")
        self._others = _timer(metrics, "other")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        match = _BOOK.fullmatch(scope["path"]) if scope["method"] == "GET" else None
        if match is None:
            await self._rest(scope, receive, send)
            self._others.observe(time.perf_counter() - began)
            return
        await self._book(scope, match[1], send)
        self._books.observe(time.perf_counter() - began)

    async def _book(self, scope: Scope, product_id: str, send: Send) -> None:
        try:
            answer = await self._answers.book(scope, product_id)
        except Problem as problem:
            await respond_problem(send, problem, request_id(scope["headers"]))
            return
        except Exception:  # noqa: BLE001  # answered, and told with its trace
            identity = request_id(scope["headers"])
            self._log.exception("request failed", path=scope["path"], request_id=identity)
            await respond_problem(send, Problem(problems.INTERNAL), identity)
            return
        headers: list[Header] = [(b"content-type", _JSON.encode())]
        await respond(send, 200, headers, answer.body)


def _timer(metrics: Metrics, route: str) -> Histogram:
    return metrics.histogram("http_request_seconds", "Of requests, by route", route=route)
