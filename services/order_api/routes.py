"""What Litestar serves: products, and a problem for whatever nobody knows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from litestar import Litestar, Request, Response, delete, patch, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from libs.access.caller import Caller, caller_in
from libs.service import problems
from libs.service.http import Header, problem_headers, read_body, request_id
from libs.service.logging import Log as Logger
from libs.service.problems import Kind, Problem, body
from services.order_api import answers
from services.order_api.front import idempotency_key
from services.order_api.intents import Taken
from services.order_api.product_commands import ProductCommands
from services.order_api.settings import OrderApiSettings
from services.order_api.tally import Tally

Asked: TypeAlias = Request[Any, Any, State]
Given: TypeAlias = Response[bytes]


def litestar_app(
    products: ProductCommands,
    settings: OrderApiSettings,
    tally: Tally,
    logger: Logger,
    *,
    more: Sequence[Any] = (),
    debug: bool = False,
) -> Litestar:
    """The Litestar application behind the front; `more` are handlers of others."""
    most = settings.body_bytes

    @post("/products", status_code=202)
    async def list_product(request: Asked) -> Given:
        return await _taken(request, most, products.list_product)

    @patch("/products/{product_id:str}", status_code=202)
    async def update_product(request: Asked) -> Given:
        return await _taken(request, most, lambda raw, who, key: products.update(_product_id(request), raw, who, key))

    @post("/products/{product_id:str}/status", status_code=202)
    async def set_status(request: Asked) -> Given:
        return await _taken(
            request, most, lambda raw, who, key: products.set_status(_product_id(request), raw, who, key)
        )

    @delete("/products/{product_id:str}", status_code=202)
    async def delist(request: Asked) -> Given:
        return await _taken(request, most, lambda _raw, who, key: products.delist(_product_id(request), who, key))

    return Litestar(
        [list_product, update_product, set_status, delist, *more],
        openapi_config=None,
        exception_handlers=_error_answers(tally, logger),
        logging_config=None,
        debug=debug,
    )


def _product_id(request: Asked) -> str:
    name: str = request.path_params["product_id"]
    return name


async def _taken(request: Asked, most: int, take: Callable[[bytes, Caller, str], Awaitable[Taken]]) -> Given:
    headers = dict(request.scope["headers"])
    who = caller_in(request.scope)
    key = idempotency_key(headers)
    raw = await read_body(cast("Any", request.receive), headers, most)
    answer_headers, payload = answers.accepted(await take(raw, who, key))
    return _response(202, answer_headers, payload)


def _response(status: int, headers: list[Header], payload: bytes) -> Given:
    named = {name.decode(): value.decode() for name, value in headers}
    media_type = named.pop("content-type")
    return Response(payload, status_code=status, headers=named, media_type=media_type)


def _error_answers(tally: Tally, logger: Logger) -> dict[int | type[Exception], Callable[[Asked, Any], Given]]:
    def answer(request: Asked, problem: Problem, extra: Mapping[str, str] | None = None) -> Given:
        tally.problem(problem.kind.code)
        identity = request_id(request.scope["headers"])
        response = _response(problem.kind.status, problem_headers(problem, identity), body(problem, identity))
        response.headers.update(extra or {})
        return response

    def on_problem(request: Asked, problem: Problem) -> Given:
        return answer(request, problem)

    def on_http(request: Asked, error: HTTPException) -> Given:
        known: dict[int, Kind] = {404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED}
        kind = known.get(error.status_code)
        if kind is None:
            return on_fault(request, error)
        return answer(request, Problem(kind), error.headers)

    def on_fault(request: Asked, error: Exception) -> Given:
        logger.error("request failed", path=request.url.path, exc_info=error)
        return answer(request, Problem(problems.INTERNAL))

    return {Problem: on_problem, HTTPException: on_http, Exception: on_fault}
