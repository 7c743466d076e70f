"""A gate with real keys over an in-memory log, and an application behind it that tells who came through."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import msgspec
import structlog

from libs.access.access import Access
from libs.access.caller import caller_in
from libs.access.desk import KeyDesk
from libs.access.keys import Shown
from libs.access.scopes import Scope
from libs.access.sealing import Sealer, new_key
from libs.access.settings import AccessSettings
from libs.access.signatures import signature
from libs.events.topics import API_KEYS, OPERATOR_AUDIT
from libs.kafka.memory import Broker, MemoryLog
from libs.service import http
from libs.service.clock import NANOSECONDS, VirtualClock
from libs.service.process import Process

SEALING = new_key()
BODY_LIMIT = 1_000


def needs(_method: str, path: str) -> Scope | None:
    """`/view`, `/trade` and `/operate` need what they are called; `/public` needs nothing."""
    return None if path == "/public" else Scope(path.split("/")[1])


async def tell(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
    """Answers with the caller and the body that arrived."""
    body = await http.read_body(receive, dict(scope["headers"]), BODY_LIMIT)
    who = caller_in(scope)
    payload = {"account": who.account, "operator": who.operator, "body": body.decode()}
    await http.respond(send, 200, [], msgspec.json.encode(payload))


class World:
    """`ask` sends unsigned, `signed` with a key."""

    def __init__(self, settings: AccessSettings) -> None:
        self.broker = Broker()
        for topic in (API_KEYS, OPERATOR_AUDIT):
            self.broker.create_topic(topic, 1)
        self.log = MemoryLog(self.broker)
        self.clock = VirtualClock()
        self.process = Process("api", settings, structlog.get_logger(), self.clock)
        self.access = Access(self.process, self.log)
        self.app = self.access.gate(tell, needs, lambda _path: BODY_LIMIT)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://api")
        self.desk = KeyDesk(self.log, self.clock, "test")

    async def key(self, *scopes: Scope, account: str = "ann", lives_ns: int = 0) -> Shown:
        """A key that the process knows."""
        _, shown = await self.desk.create(Sealer.parse(SEALING), account, scopes, lives_ns=lives_ns)
        await self.known(shown.id)
        return shown

    async def known(self, key_id: str, *, yes: bool = True) -> None:
        """Wait until the process has heard of a key, or of its end."""
        signatures = self.access.signatures
        assert signatures is not None
        while (signatures.ring.find(key_id) is not None) is not yes:
            await asyncio.sleep(0)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return await self.http.request(method, path, content=body, headers=headers)

    async def signed(
        self, shown: Shown, method: str, path: str, body: bytes = b"", late_s: float = 0, **more: str
    ) -> httpx.Response:
        """`more` headers have `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return await self.ask(method, path, body, self.headers(shown, method, path, body, late_s) | named)

    def headers(self, shown: Shown, method: str, path: str, body: bytes = b"", late_s: float = 0) -> dict[str, str]:
        timestamp = f"{self.clock.now() / NANOSECONDS - late_s:.3f}"
        made = signature(base64.b64decode(shown.secret), timestamp.encode(), method, path.encode(), body)
        return {
            "cb-access-key": shown.id,
            "cb-access-sign": made.decode(),
            "cb-access-timestamp": timestamp,
            "cb-access-passphrase": shown.passphrase,
        }


@asynccontextmanager
async def world(auth: str = "required", **more: object) -> AsyncIterator[World]:
    given = {"auth": auth, "secrets_key": SEALING, "keys_poll_ms": 5, "keys_retry_ms": 5} | more
    found = World(msgspec.convert(given, AccessSettings))
    running = asyncio.create_task(found.access.run(found.process.stop))
    signatures = found.access.signatures
    tokens = found.access.tokens
    while signatures is not None and not signatures.ring.loaded:
        await asyncio.sleep(0)
    while tokens is not None and not tokens.keys.generation:
        await asyncio.sleep(0.001)
    try:
        yield found
    finally:
        found.process.stop.set()
        await running
        await found.http.aclose()


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem, which says how to authenticate when that is what is missing."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)
    return answer.status_code, answer.json()["code"]
