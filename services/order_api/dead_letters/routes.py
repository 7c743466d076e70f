"""The operators' paths of order_api: what changes something. What only looks is query_api's."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import State

from libs.access.caller import Caller, caller_in
from libs.events.values import Product
from libs.replays.resending import name_text
from libs.replays.tasks import Action, Task
from libs.replays.views import whole
from libs.service import problems
from libs.service.http import read_body
from libs.service.problems import Problem
from services.order_api import answers
from services.order_api.dead_letters.desk import DeadLetterDesk
from services.order_api.dead_letters.planning import Left
from services.order_api.front import idempotency_key

Asked: TypeAlias = Request[Any, Any, State]
Given: TypeAlias = Response[bytes]
_JSON: Final = "application/json"
_STEERED: Final = {action.value: action for action in (Action.PAUSE, Action.RESUME, Action.CANCEL)}
_encode: Final = msgspec.json.Encoder().encode


def operator_routes(desk: DeadLetterDesk, products: Callable[[int], Product | None], most: int) -> list[Any]:
    """Handlers for Litestar."""

    @post("/operator/replays", status_code=201)
    async def plan(request: Asked) -> Given:
        return _shown(201, *await desk.plan(await _body(request, most), _who(request)), products=products)

    @post("/operator/replays/{task_id:str}/{action:str}", status_code=202)
    async def act(request: Asked) -> Given:
        task_id, action = request.path_params["task_id"], request.path_params["action"]
        body, who = await _body(request, most), _who(request)
        if action == Action.CONFIRM:
            return _shown(202, await desk.confirm(task_id, body, who), products=products)
        if action not in _STEERED:
            raise Problem(problems.NOT_FOUND)
        return _shown(202, await desk.steer(task_id, _STEERED[action], who), products=products)

    @post("/operator/dead-letters/{name:str}/discard", status_code=202)
    async def discard(request: Asked) -> Given:
        key = idempotency_key(dict(request.scope["headers"]))
        taken = await desk.discard(request.path_params["name"], await _body(request, most), _who(request), key)
        headers, payload = answers.accepted(taken)
        named = {name.decode(): value.decode() for name, value in headers}
        return Response(payload, status_code=202, headers=named, media_type=named.pop("content-type"))

    return [plan, act, discard]


def _who(request: Asked) -> Caller:
    return caller_in(request.scope)


async def _body(request: Asked, most: int) -> bytes:
    return await read_body(cast("Any", request.receive), dict(request.scope["headers"]), most)


def _shown(
    status: int, task: Task, left: list[Left] | None = None, *, products: Callable[[int], Product | None]
) -> Given:
    view = whole(task, products)
    if left is not None:
        view["left_out"] = [{"id": name_text(each.name), "why": each.why} for each in left]
    return Response(_encode(view), status_code=status, media_type=_JSON)
