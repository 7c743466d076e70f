"""Authentication and limits as processes have them: two order_apis on a real Kafka and a real Valkey, keys by the CLI."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from deploy.local.servers import Addresses
from deploy.partitions import DEFAULT_PARTITIONS
from deploy.topics import create_and_check
from libs.access.sealing import new_key
from libs.access.signatures import signature
from libs.kafka.adapter import KafkaLog
from tests.integration.test_order_api import STARTED, Market, order_api

_ROOT = Path(__file__).parents[2]
SEALING = new_key()
REVOKED_WITHIN_S = 1.0


class Signed(httpx.Auth):
    """Signs with a key as the command line printed it; `late_s` makes the timestamp older."""

    requires_request_body = True

    def __init__(self, shown: dict[str, str], late_s: float = 0) -> None:
        self.key, self._passphrase = shown["id"], shown["passphrase"]
        self._secret = base64.b64decode(shown["secret"])
        self._late_s = late_s

    def auth_flow(self, request: httpx.Request) -> Any:
        timestamp = f"{time.time() - self._late_s:.3f}"
        made = signature(self._secret, timestamp.encode(), request.method, request.url.raw_path, request.content)
        request.headers["CB-ACCESS-KEY"] = self.key
        request.headers["CB-ACCESS-SIGN"] = made.decode()
        request.headers["CB-ACCESS-TIMESTAMP"] = timestamp
        request.headers["CB-ACCESS-PASSPHRASE"] = self._passphrase
        yield request


class Stage:
    """Two processes, and the command line."""

    def __init__(self, servers: Addresses, market: Market, first: httpx.AsyncClient, second: httpx.AsyncClient) -> None:
        self._servers = servers
        self.market = market
        self.first = first
        self.second = second

    async def keys(self, *words: str) -> str:
        """What `outcry keys …` prints."""
        told = os.environ | self._servers.as_environment() | {"OUTCRY_SECRETS_KEY": SEALING}
        run = [sys.executable, "-m", "cli", "keys", *words]
        done = await asyncio.to_thread(
            subprocess.run, run, env=told, cwd=_ROOT, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def key(self, account: str, *scopes: str) -> dict[str, str]:
        """A new key that both processes know."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        shown: dict[str, str] = msgspec.json.decode(await self.keys("create", "--account", account, *words, "--json"))
        for api in (self.first, self.second):
            await until(lambda api=api: status(api, Signed(shown), 404))  # type: ignore[misc]
        return shown


async def status(api: httpx.AsyncClient, auth: httpx.Auth, wanted: int) -> bool:
    """Asks for what is not there: 404 for whom order_api knows."""
    return (await api.get("/nothing", auth=auth)).status_code == wanted


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def staged(servers: Addresses, name: str, **environ: str) -> AsyncIterator[Stage]:
    await create_and_check(servers.kafka, DEFAULT_PARTITIONS)
    market = Market(name)
    await market.register(KafkaLog(servers.kafka, "test"))
    given = {"OUTCRY_AUTH": "required", "OUTCRY_SECRETS_KEY": SEALING} | environ
    async with AsyncExitStack() as stack:
        apis = [(await stack.enter_async_context(order_api(servers, STARTED, **given)))[0] for _ in range(2)]
        yield Stage(servers, market, *apis)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_keys_from_their_making_to_their_end(servers: Addresses) -> None:
    async def run() -> None:
        async with staged(servers, "K") as stage:
            order = stage.market.order
            assert code(await stage.first.post("/orders", json=order)) == (401, "authentication_required")
            ann, bob = await stage.key("ann", "trade"), await stage.key("bob", "trade")
            placed = await stage.first.post("/orders", json=order, auth=Signed(ann))
            assert placed.status_code == 202

            wrong = Signed(ann | {"secret": bob["secret"]})
            assert code(await stage.first.post("/orders", json=order, auth=wrong)) == (401, "invalid_signature")
            stale = Signed(ann, late_s=31)
            assert code(await stage.first.post("/orders", json=order, auth=stale)) == (401, "timestamp_expired")
            path = f"/orders/{placed.json()['id']}"
            assert code(await stage.second.delete(path, auth=Signed(bob))) == (404, "order_not_found")
            halt = {"status": "halted"}
            product = f"/products/{stage.market.product_id}/status"
            assert code(await stage.first.post(product, json=halt, auth=Signed(ann))) == (403, "insufficient_scope")

            await stage.keys("revoke", ann["id"])
            revoked = time.monotonic()
            for api in (stage.first, stage.second):
                await until(lambda api=api: status(api, Signed(ann), 401))  # type: ignore[misc]
            assert time.monotonic() - revoked < REVOKED_WITHIN_S
            for api in (stage.first, stage.second):
                assert code(await api.post("/orders", json=order, auth=Signed(ann))) == (401, "invalid_api_key")
            assert (await stage.second.post("/orders", json=order, auth=Signed(bob))).status_code == 202

            listed = [msgspec.json.decode(line) for line in (await stage.keys("list", "--json")).splitlines()]
            assert {each["id"]: bool(each["revoked"]) for each in listed if each["id"] in (ann["id"], bob["id"])} == {
                ann["id"]: True,
                bob["id"]: False,
            }
        accounts = [command.account for command in await stage.market.commands(KafkaLog(servers.kafka, "test"))]
        assert accounts == ["ann", "bob"]

    asyncio.run(run())


def test_two_processes_count_together_and_alone_when_redis_is_away(servers: Addresses) -> None:
    async def flood(stage: Stage, auth: httpx.Auth) -> int:
        both = (stage.first, stage.second) * 40
        answers = await asyncio.gather(*(api.post("/orders", json=stage.market.order, auth=auth) for api in both))
        assert {answer.status_code for answer in answers} == {202, 429}
        for answer in answers:
            assert answer.headers["ratelimit-policy"] == '"key";q=20;w=20'
            if answer.status_code == 429:
                assert code(answer) == (429, "rate_limited")
                assert int(answer.headers["retry-after"]) >= 1
        return sum(answer.status_code == 202 for answer in answers)

    async def run() -> None:
        limits = {
            "OUTCRY_LIMIT_KEY_PER_S": "1",
            "OUTCRY_LIMIT_KEY_BURST": "20",
        }
        async with staged(servers, "L", **limits) as stage:
            began = time.monotonic()
            shown = await stage.key("ann", "trade")
            spent = 2  # to learn that both know the key, at least
            taken = await flood(stage, Signed(shown))
            assert taken <= 20 - spent + (time.monotonic() - began) + 1
            assert taken > 0
        async with staged(servers, "M", **limits, OUTCRY_REDIS="redis://127.0.0.1:1/0") as stage:
            shown = await stage.key("ann", "trade")
            assert 20 < await flood(stage, Signed(shown)) <= 2 * 25

    asyncio.run(run())


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"OUTCRY_HOST": "0.0.0.0"}, "without authentication the APIs answer this machine alone"),
        ({"OUTCRY_AUTH": "required"}, "OUTCRY_SECRETS_KEY"),
    ],
)
@pytest.mark.parametrize("module", ["services.order_api", "services.query_api"])
def test_a_door_is_not_left_open(module: str, environ: dict[str, str], sentence: str) -> None:
    """Neither listens for a moment: the settings end it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=ours | environ,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stdout == ""
