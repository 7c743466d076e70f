"""Dead letters of a running exchange, as operators meet them: by CLI and HTTP, with processes killed in between."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import msgspec
import pytest
from msgspec.structs import astuple

from libs.events import topics
from libs.events.codec import encode
from libs.events.commands import CancelOrder
from libs.events.ids import mint, number_of, parse, partition_of
from libs.kafka.adapter import KafkaLog
from libs.kafka.ports import Entry
from tests.e2e.conftest import running
from tests.e2e.stack import HURRIED, ROOT, Stack, environment, until
from tests.e2e.venue import Venue

BROKEN: Final = "brk-always-"
PATIENCE_S: Final = 60.0
LATER_TAG: Final = 200
MARKETS: Final = 6
SECOND: Final = "order-api-2"
Json = dict[str, Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


class Floor:
    """A running exchange whose workers fail at orders that are named so, and an operator's hands."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.addresses.url
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)

    def cli(self, *words: str, ok: bool = True) -> str:
        told = {"OUTCRY_URL": self.url, "OUTCRY_DATA_DIR": str(self.stack.data), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(  # noqa: PLW1510  # what it ends with is looked at below
            [sys.executable, "-m", "cli", "dlq", *words],
            env=os.environ | told,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    def json(self, *words: str) -> Any:
        return msgspec.json.decode(self.cli(*words, "--json"))

    def ask(self, method: str, path: str, role: str, body: object = None) -> httpx.Response:
        return self.http.request(method, path, json=body, headers={"Outcry-Role": role, "Outcry-Account": "eve"})

    async def letters(self, count: int, **query: str) -> list[Json]:
        """So many open ones, once they are there."""
        found: list[Json] = []

        def there() -> bool:
            answer = self.http.get("/operator/dead-letters", params=query, headers={"Outcry-Role": "viewer"})
            found[:] = answer.json() if answer.status_code == 200 else []
            return len(found) == count

        await until(there, f"{count} dead letters of {query}", PATIENCE_S)
        return found

    def confirm(self, task_id: str, digest: str) -> httpx.Response:
        return self.ask("POST", f"/operator/replays/{task_id}/confirm", "replayer", {"hash": digest})

    async def successor(self, product_id: str, name: str) -> Json:
        """The one open dead letter of a product, once it is another one than `name`."""
        while (found := (await self.letters(1, product_id=product_id))[0])["id"] == name:
            pass
        return found

    async def state(self, task_id: str, *states: str) -> Json:
        found: Json = {}

        def reached() -> bool:
            answer = self.http.get(f"/operator/replays/{task_id}", headers={"Outcry-Role": "viewer"})
            found.update(answer.json() if answer.status_code == 200 else {})
            return found.get("state") in states

        await until(reached, f"replay {task_id} to be {states}", PATIENCE_S)
        return found

    async def published(self, partition: int, key: str, value: bytes) -> str:
        """Straight into `orders`; its place there."""
        log = KafkaLog(self.stack.addresses.kafka, "test-dead-letters")
        publisher = log.publisher()
        await publisher.start()
        (ack,) = await publisher.publish(topics.ORDERS, partition, [Entry(key.encode(), value)])
        await publisher.close()
        return f"{partition}:{ack.offset}"


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    told = {"OUTCRY_FAULT_PREFIX": "brk-", "OUTCRY_FAULT_CONSENT": "break outcry", "PYTHONPATH": HURRIED}
    with running(**told) as stack:
        floor = Floor(stack)
        try:
            yield floor
        finally:
            floor.http.close()


def broken(venue: Venue, count: int) -> list[str]:
    """Orders that the workers cannot decide."""
    return [venue.place("ann", "buy", price="5.00", client_oid=f"{BROKEN}{number}") for number in range(count)]


def events(found: Json) -> list[str]:
    return [each["event"] for each in found["events"]]


def later_version(number: int) -> bytes:
    """A cancel under a tag that is not known yet, with a field more."""
    order_id = mint(time.time_ns() // 1_000_000, number, number)
    cancel = CancelOrder(order_id, "ann", number, order_id, "", 0, time.time_ns(), 0, None)
    return encode([LATER_TAG, *astuple(cancel), "new"])


async def discarded(floor: Floor, name: str) -> None:
    """With a reason, once, and on record."""
    floor.cli("discard", name, "--why", "a test wrote it")
    closed: Json = {}

    def seen() -> bool:
        closed.update(floor.ask("GET", f"/operator/dead-letters/{name}", "viewer").json())
        return bool(closed["state"] == "closed")

    await until(seen, f"{name} to be closed", PATIENCE_S)
    assert (closed["closed"], closed["note"]) == ("discarded", "a test wrote it")
    assert "dead_letter_closed" in floor.cli("discard", name, "--why", "once more", ok=False)
    deed = floor.json("audit")[0]
    assert (deed["action"], deed["subject"]) == ("dead-letters.discard", name)
    assert deed["details"]["reason"] == "a test wrote it"


def test_garbage_is_seen_and_discarded_and_trading_goes_on_behind_it(floor: Floor) -> None:
    async def scenario() -> None:
        venue = Venue(floor.url)
        number = number_of(parse(venue.place("bob", "buy", price="5.00")))
        name = await floor.published(partition_of(number), venue.product_id, b"\xc1 no command of any version")
        assert venue.order("bob", venue.place("bob", "buy", price="5.00"))["status"] == "open"
        (found,) = await floor.letters(1, reason="unreadable")
        assert (found["id"], found["state"]) == (name, "open")
        assert name in floor.cli("list", "--reason", "unreadable")
        shown = floor.json("show", name)
        assert (shown["key"], shown["decoded"]) == (venue.product_id, None)
        assert shown["headers"]["__dlq.errors.offset"] == name.partition(":")[2]
        assert "CommandDeadLettered" in [each["event"] for each in shown["events_around"]]
        assert "cannot be read" in floor.cli("dry-run", name)
        assert "nobody can read it" in floor.cli("plan", name, ok=False)
        await discarded(floor, name)
        venue.close()

    asyncio.run(scenario())


def test_a_later_version_waits_for_an_upgrade_and_is_replayed_after_it_only(floor: Floor) -> None:
    async def scenario() -> None:
        venue = Venue(floor.url)
        number = number_of(parse(venue.place("bob", "buy", price="5.00")))
        at = await floor.published(partition_of(number), venue.product_id, later_version(number))
        (letter,) = await floor.letters(1, product_id=venue.product_id)
        assert (letter["reason"], letter["account"]) == ("version", "ann")
        assert letter["id"] != at  # it came back after each wait, and died where it stood last
        assert "cannot be read" in floor.cli("dry-run", letter["id"])
        plan = floor.json("plan", letter["id"])
        floor.cli("replay", plan["id"], "--hash", plan["hash"])
        assert (await floor.state(plan["id"], "done", "failed"))["sent"] == 0  # order_api cannot read it either
        assert "unreadable" in floor.cli("tasks", plan["id"])
        await discarded(floor, letter["id"])
        venue.close()

    asyncio.run(scenario())


def test_what_dies_again_is_replayed_three_times_and_no_more(floor: Floor) -> None:
    async def scenario() -> None:
        venue = Venue(floor.url)
        (first,) = broken(venue, 1)
        (letter,) = await floor.letters(1, product_id=venue.product_id)
        assert (letter["reason"], letter["order_id"], letter["replays"]) == ("fault", first, 0)
        assert venue.shown("ann", first, "status", "reject_reason") == ("rejected", "dead_lettered")
        # The fault is the workers': the rules alone would take it.
        tried = floor.json("dry-run", letter["id"])
        assert events(tried) == ["DeadLetterClosed", "OrderAccepted", "OrderRested"]
        assert venue.orders("ann") == []
        cheaper = floor.json("dry-run", letter["id"], "--set", "price=4.00")
        assert cheaper["events"][1]["price"] == "4.00"
        for replays in range(1, 4):
            venue.ask("POST", f"/products/{venue.product_id}/status", "", {"status": "online"})
            plan = floor.ask("POST", "/operator/replays", "replayer", {"ids": [letter["id"]]}).json()
            assert plan["letters"] == [letter["id"]]
            assert floor.confirm(plan["id"], "0" * 64).json()["code"] == "wrong_hash"
            assert floor.confirm(plan["id"], plan["hash"]).is_success
            assert (await floor.state(plan["id"], "done", "failed"))["sent"] == 1
            before, letter = letter["id"], await floor.successor(venue.product_id, letter["id"])
            assert (letter["replays"], letter["replay_of"]) == (replays, before)
        closed = await floor.letters(3, state="closed", product_id=venue.product_id)
        assert {each["closed"] for each in closed} == {"died_again"}
        assert "3 replays" in floor.cli("plan", letter["id"], ok=False)
        venue.close()

    asyncio.run(scenario())


def test_a_replay_outlives_whoever_runs_it(floor: Floor) -> None:
    async def scenario() -> None:
        venues = [Venue(floor.url) for _ in range(MARKETS)]
        dead = [order for venue in venues for order in broken(venue, 2)]
        names = []
        for venue in venues:
            names += [each["id"] for each in await floor.letters(2, product_id=venue.product_id)]
        changes = [f"{name}/client_oid=mended-{at}" for at, name in enumerate(names)]
        given = [word for change in changes for word in ("--edit", change)]
        assert "why" in floor.cli("plan", *names, *given, ok=False)
        plan = floor.json("plan", *names, *given, "--why", "the prefix was wrong", "--rate", "2")
        assert plan["edited"] == len(dead)
        assert {each["before"]["client_oid"][: len(BROKEN)] for each in plan["edits"]} == {BROKEN}
        assert {each["after"]["client_oid"][:6] for each in plan["edits"]} == {"mended"}
        with second_order_api(floor.stack) as second:
            assert floor.confirm(plan["id"], plan["hash"]).is_success
            await floor.state(plan["id"], "running")
            assert floor.ask("POST", f"/operator/replays/{plan['id']}/pause", "replayer").is_success
            paused = await floor.state(plan["id"], "paused")
            assert floor.confirm(plan["id"], plan["hash"]).json()["code"] == "replay_state"
            floor.cli("tasks", plan["id"], "--resume")
            await until(lambda: task(floor, plan["id"])["done"] > paused["done"] + 1, "the replay to go on", PATIENCE_S)
            runner = task(floor, plan["id"])["runner"]
            assert task(floor, plan["id"])["state"] == "running"
            if runner == SECOND:
                second.kill()
            else:
                await floor.stack.kill_one(runner)
            done = await floor.state(plan["id"], "done", "failed")
        assert (done["state"], done["sent"], done["failed"]) == ("done", len(dead), 0)
        for venue in venues:
            replayed = await floor.letters(2, state="closed", product_id=venue.product_id)
            assert {each["closed"] for each in replayed} == {"replayed"}
            placed = venue.get(f"/orders?product_id={venue.product_id}", "ann").json()
            assert sorted(each["replay_of"] for each in placed) == sorted(each["id"] for each in replayed)
            assert {each["client_oid"][:6] for each in placed} == {"mended"}
            venue.close()
        actions = [deed["action"] for deed in floor.json("audit") if deed["subject"] == plan["id"]]
        assert actions == ["replays.resume", "replays.pause", "replays.confirm", "replays.plan"]

    asyncio.run(scenario())


def task(floor: Floor, task_id: str) -> Json:
    found: Json = floor.http.get(f"/operator/replays/{task_id}", headers={"Outcry-Role": "viewer"}).json()
    return found


@contextmanager
def second_order_api(stack: Stack) -> Iterator["subprocess.Popen[bytes]"]:
    """Beside the one that the runner keeps alive."""
    told = environment(stack.pid("order-api-1")) | {
        "OUTCRY_INSTANCE": SECOND, "OUTCRY_HTTP_PORT": "0", "OUTCRY_ADMIN_PORT": "0"
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "services.order_api"], env=told, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
