"""What operators see in query_api: who may, which pages, and what is said where something is not there."""

import pytest

from deploy.local.servers import Addresses
from libs.access.audit import Deed, write_deed
from libs.access.scopes import Scope
from libs.events.topics import OPERATOR_TASKS
from libs.kafka.ports import Entry
from libs.replays.board import PARTITION
from libs.replays.records import Control, Plan, Progress, Selection, Wish, encode_record, key_of
from tests.integration.test_query_access import SEALING, headers, key
from tests.integration.test_query_api import Stage, run
from tests.unit.replays.test_tasks import PLAN

GETS = ("/operator/dead-letters", "/operator/replays", "/operator/audit")
MISSING = ("/operator/dead-letters/0:5", "/operator/replays/nothing")
CALLERS: dict[str, tuple[Scope, ...]] = {
    "trader": (Scope.TRADE,),
    "operator": (Scope.OPERATE,),
    "viewer": (Scope.VIEWER,),
    "replayer": (Scope.REPLAYER,),
    "editor": (Scope.EDITOR,),
}


@pytest.mark.parametrize("caller", ["nobody", *CALLERS])
def test_who_sees_dead_letters_with_a_key(servers: Addresses, caller: str) -> None:
    async def scenario(stage: Stage) -> None:
        del stage.client.headers["Outcry-Account"]
        shown = None if caller == "nobody" else await key(stage, "eve", CALLERS[caller])
        refused = {"nobody": 401, "trader": 403}.get(caller)
        for paths, status in ((GETS, 200), (MISSING, 404)):
            for path in paths:
                proof = {} if shown is None else await headers(stage, shown, path)
                answer = await stage.client.get(path, headers=proof)
                assert answer.status_code == (refused or status), (path, answer.text)
        if shown is None:
            answer = await stage.client.post("/operator/dead-letters/0:5/dry-run")
            assert answer.status_code == 401

    run(servers, scenario, auth="required", secrets_key=SEALING)


@pytest.mark.parametrize("role", ["", "operator", "viewer", "replayer", "editor"])
def test_who_sees_dead_letters_where_headers_are_believed(servers: Addresses, role: str) -> None:
    async def scenario(stage: Stage) -> None:
        named = {"Outcry-Role": role} if role else {}
        for path in GETS:
            assert (await stage.client.get(path, headers=named)).status_code == (200 if role else 403), path
        answer = await stage.client.post("/operator/dead-letters/0:5/dry-run", headers=named)
        assert answer.status_code == (404 if role else 403)

    run(servers, scenario)


def test_replays_and_deeds_newest_first(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        publisher = stage.log.publisher()
        later = Plan(id="p2", created=9, actor="bob", reason="", selection=Selection(), rate=1, letters=PLAN.letters)
        run_it = Control(id="p1", wish=Wish.RUN, actor="eve", at=5, confirmed=5)
        for record in (PLAN, run_it, Progress(id="p1", at=7, next=1, sent=1, runner="order-api-1"), later):
            entry = Entry(key_of(record), encode_record(record))
            await publisher.publish(OPERATOR_TASKS, PARTITION, [entry])
        for number in range(3):
            await write_deed(publisher, Deed(at=number, actor="eve", action="replays.plan", subject=f"p{number}"))
        stage.client.headers["Outcry-Role"] = "viewer"
        found = await stage.get("/operator/replays")
        assert isinstance(found, list)
        assert [(each["id"], each["state"], each["done"]) for each in found] == [
            ("p2", "planned", 0),
            ("p1", "running", 1),
        ]
        assert [each["id"] for each in (await stage.client.get("/operator/replays?state=running")).json()] == ["p1"]
        one = await stage.get("/operator/replays/p1")
        assert isinstance(one, dict)
        assert (one["letters"], one["hash"], one["runner"]) == (["3:17", "3:18"], PLAN.hash, "order-api-1")
        answer = await stage.client.get("/operator/audit?limit=2")
        assert [each["subject"] for each in answer.json()] == ["p2", "p1"]
        older = await stage.client.get(f"/operator/audit?after={answer.headers['cb-after']}")
        assert [each["subject"] for each in older.json()] == ["p0"]

    run(servers, scenario)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/operator/dead-letters?state=ajar", ("invalid_parameter", "state")),
        ("/operator/dead-letters?reason=boredom", ("invalid_parameter", "reason")),
        ("/operator/dead-letters?since=soon", ("invalid_parameter", "since")),
        ("/operator/dead-letters?after=1.2", ("invalid_cursor", "after")),
        ("/operator/dead-letters?after=1.999.2", ("invalid_cursor", "after")),
        ("/operator/dead-letters?colour=red", ("invalid_parameter", "colour")),
        ("/operator/dead-letters/5", ("invalid_id", "id")),
        ("/operator/replays?state=lost", ("invalid_parameter", "state")),
        ("/operator/audit?after=x", ("invalid_cursor", "after")),
    ],
)
def test_what_does_not_fit_is_named(servers: Addresses, path: str, wanted: tuple[str, str]) -> None:
    async def scenario(stage: Stage) -> None:
        assert await stage.problem(path, 400, outcry_role="viewer") == wanted

    run(servers, scenario)
