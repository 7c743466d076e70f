"""Who may do what to dead letters, as a table, at both kinds of door; and what a request must say."""

import httpx
import msgspec
import pytest

from libs.access.audit import read_deeds
from libs.access.scopes import Scope
from services.order_api.dead_letters.limits import replay_limits
from services.order_api.settings import OrderApiSettings
from tests.unit.order_api.exchange import Exchange, problem, with_exchange
from tests.unit.order_api.test_access import REQUIRED, trader

Request = tuple[str, object]

PLAN: Request = ("/operator/replays", {"filter": {}})
EDITED: Request = (
    "/operator/replays",
    {"ids": ["1:5"], "edits": [{"id": "1:5", "changes": {"price": "1"}}], "reason": "why"},
)
CONFIRM: Request = ("/operator/replays/p1/confirm", {"hash": "0"})
PAUSE: Request = ("/operator/replays/p1/pause", None)
RESUME: Request = ("/operator/replays/p1/resume", None)
CANCEL: Request = ("/operator/replays/p1/cancel", None)
DISCARD: Request = ("/operator/dead-letters/1:5/discard", {"reason": "why not"})
WRITES = (PLAN, EDITED, CONFIRM, PAUSE, RESUME, CANCEL, DISCARD)
EDITORS = (EDITED, DISCARD)
CALLERS: dict[str, tuple[Scope, ...]] = {
    "nobody": (),
    "trader": (Scope.TRADE,),
    "operator": (Scope.OPERATE,),
    "viewer": (Scope.VIEWER,),
    "replayer": (Scope.REPLAYER,),
    "editor": (Scope.EDITOR,),
}


def may(caller: str, request: tuple[str, object]) -> bool:
    return caller == "editor" or (caller == "replayer" and request not in EDITORS)


@pytest.mark.parametrize("caller", CALLERS)
def test_who_gets_in_with_a_key(caller: str) -> None:
    async def scenario(exchange: Exchange) -> None:
        someone = await trader(exchange, "eve", *CALLERS[caller]) if CALLERS[caller] else None
        for path, body in WRITES:
            if someone is None:
                answer = await exchange.ask("POST", path, body)
            else:
                answer = await someone.ask("POST", path, body)
            check(caller, (path, body), answer)

    with_exchange(scenario, **(REQUIRED | QUICK))


@pytest.mark.parametrize("caller", CALLERS)
def test_who_gets_in_where_headers_are_believed(caller: str) -> None:
    async def scenario(exchange: Exchange) -> None:
        role = {} if caller in {"nobody", "trader"} else {"Outcry_Role": caller}
        for path, body in WRITES:
            answer = await exchange.ask("POST", path, body, **role)
            assert (answer.status_code == 403) is not may(caller, (path, body)), (path, answer.text)

    with_exchange(scenario, **QUICK)


QUICK = {"operator_query_ms": 50, "postgres": "postgresql://nobody@127.0.0.1:9/none"}
"""There is no Postgres: whoever gets in is told so."""


def check(caller: str, request: tuple[str, object], answer: httpx.Response) -> None:
    if may(caller, request):
        assert answer.status_code in {404, 503}, (request, answer.text)
    else:
        assert answer.status_code == (401 if caller == "nobody" else 403), (request, answer.text)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, (400, "missing_field", "ids")),
        ({"ids": ["1:5"], "filter": {}}, (400, "missing_field", "ids")),
        ({"ids": ["five"]}, (400, "invalid_id", "ids")),
        ({"filter": {"reason": "boredom"}}, (400, "invalid_value", "filter.reason")),
        ({"filter": {"since": "yesterday"}}, (400, "invalid_value", "filter.since")),
        ({"filter": {}, "rate": 0}, (400, "invalid_value", "rate")),
        ({"filter": {}, "rate": 1_000_000}, (400, "invalid_value", "rate")),
        ({"ids": ["1:5"], "edits": [{"id": "1:5", "changes": {}}]}, (400, "reason_needed", "reason")),
        ({"ids": ["1:5"], "extra": 1}, (400, "unknown_field", "extra")),
        ([], (400, "not_an_object", "")),
        (b"", (400, "body_required", None)),
    ],
)
def test_what_a_plan_must_say(body: object, wanted: tuple[int, str, str | None]) -> None:
    async def scenario(exchange: Exchange) -> None:
        answer = await exchange.ask("POST", "/operator/replays", body, Outcry_Role="editor")
        status, code, field = problem(answer)
        assert (status, code, field or "") == (wanted[0], wanted[1], wanted[2] or "")

    with_exchange(scenario, **QUICK)


def test_what_is_not_there() -> None:
    async def scenario(exchange: Exchange) -> None:
        for path, body, code in (
            ("/operator/replays/p1/confirm", {"hash": "0"}, "replay_not_found"),
            ("/operator/replays/p1/pause", None, "replay_not_found"),
            ("/operator/replays/p1/hurry", None, "not_found"),
            ("/operator/dead-letters/17/discard", {"reason": "why not"}, "invalid_id"),
            ("/operator/dead-letters/1:5/discard", {"reason": " ."}, "reason_needed"),
        ):
            answer = await exchange.ask("POST", path, body, Outcry_Role="editor")
            assert answer.json()["code"] == code, answer.text
        assert await read_deeds(exchange.log, 10) == []

    with_exchange(scenario, **QUICK)


def test_every_limit_is_a_setting() -> None:
    limits = replay_limits(msgspec.convert({"replay_rate": 7, "replay_progress_ms": 500}, OrderApiSettings))
    assert (limits.rate, limits.progress_s) == (7, 0.5)
