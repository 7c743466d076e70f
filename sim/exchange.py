"""The exchange as an outside client sees it: its public HTTP API, and nothing else.

A call either returns what the API answered, or raises `Unavailable` where trying again may help: no connection, no
answer in time, or an answer that says `retryable`. `persistently` does that again with the same body and key, so a
server that is killed and comes back loses nothing and does nothing twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import httpx
import msgspec

ROLE: Final = {"Outcry-Role": "operator"}
POSITION: Final = "outcry-position"
TIMEOUT_S: Final = 15.0
"""Of one request: longer than order_api waits for the log."""
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0
_NOT_FOUND: Final = 404

T = TypeVar("T")


class Unavailable(Exception):
    """It may work when tried again."""


class Refused(Exception):
    """The API refused what the simulation sent, and will again."""


class Result(msgspec.Struct, gc=False):
    """Of one item of a batch: 202 with the position of its command, or a problem."""

    status: int
    order_id: str = ""
    command_id: str = ""
    position: str = ""
    replayed: bool = False
    code: str = ""
    field: str | None = None
    retryable: bool = False


class _Results(msgspec.Struct):
    results: list[Result]


class _Taken(msgspec.Struct):
    id: str
    command_id: str


class _Refusal(msgspec.Struct):
    code: str = ""
    field: str | None = None


class Order(msgspec.Struct):
    """What the simulation looks at of an order."""

    filled_size: str = "0"
    status: str = ""


class Ticker(msgspec.Struct):
    """The best prices and the last trade, as far as there are any."""

    bid: str | None = None
    ask: str | None = None
    price: str | None = None
    trade_id: int | str | None = None


class Book(msgspec.Struct):
    """Level 3, best first, each price in queue order: price, size, order id."""

    sequence: int
    bids: list[tuple[str, str, str]]
    asks: list[tuple[str, str, str]]


class Place(msgspec.Struct, frozen=True):
    """How far the read side has come in a partition."""

    partition: int
    command_offset: int


_results: Final = msgspec.json.Decoder(_Results)


class Exchange:
    """One connection pool to one address. Use as an async context."""

    def __init__(
        self, url: str, transport: httpx.AsyncBaseTransport | None = None, auth: httpx.Auth | None = None
    ) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT_S,
            transport=transport,
            auth=auth,
            trust_env=False,
            limits=httpx.Limits(max_connections=100, keepalive_expiry=60),
        )

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def batch(self, body: bytes, key: str, account: str = "") -> list[Result]:
        """One result an item, none of them one that should be tried again. Without an account: as an operator, who
        may name one for each item."""
        who = {"Outcry-Account": account} if account else ROLE
        answer = await self._request("POST", "/orders/batch", body, who | {"Idempotency-Key": key})
        found = _results.decode(_checked(answer).content).results
        for result in found:
            if result.retryable:
                raise Unavailable(f"an item was answered with {result.status} {result.code}")
        return found

    async def place(self, body: bytes, account: str) -> Result:
        """One order, which its client_oid tells from others. A refusal is a result like one of a batch."""
        answer = await self._request("POST", "/orders", body, {"Outcry-Account": account})
        if answer.status_code >= 400:
            refused = msgspec.json.decode(answer.content, type=_Refusal)
            return Result(answer.status_code, code=refused.code, field=refused.field)
        taken = _decoded(answer, _Taken)
        return Result(
            202, taken.id, taken.command_id, answer.headers[POSITION], "idempotency-replayed" in answer.headers
        )

    async def cancel_all(self, product: str, account: str) -> None:
        _checked(await self._request("DELETE", f"/orders?product_id={product}", None, {"Outcry-Account": account}))

    async def cancel_all_after(self, product: str, account: str, timeout_s: int) -> None:
        """All the account's orders in the product end then, unless it asks again before."""
        body = msgspec.json.encode({"product_id": product, "timeout": timeout_s})
        _checked(await self._request("POST", "/cancel-all-after", body, {"Outcry-Account": account}))

    async def order(self, client_oid: str, product: str, account: str, position: str = "") -> Order | None:
        """None when the account has no such order, `position` counted in."""
        headers = {"Outcry-Account": account}
        if position:
            headers[POSITION] = position
        path = f"/orders/client:{client_oid}?product_id={product}"
        answer = await self._request("GET", path, None, headers)
        return None if answer.status_code == _NOT_FOUND else _decoded(answer, Order)

    async def has_product(self, product: str, position: str = "") -> bool:
        headers = {POSITION: position} if position else {}
        answer = await self._request("GET", f"/products/{product}", None, headers)
        if answer.status_code == _NOT_FOUND:
            return False
        _checked(answer)
        return True

    async def list_product(self, body: bytes, key: str) -> str:
        """The position of the command."""
        answer = await self._request("POST", "/products", body, ROLE | {"Idempotency-Key": key})
        position: str = _checked(answer).headers[POSITION]
        return position

    async def set_status(self, product: str, status: str, key: str) -> None:
        body = msgspec.json.encode({"status": status})
        _checked(await self._request("POST", f"/products/{product}/status", body, ROLE | {"Idempotency-Key": key}))

    async def ticker(self, product: str) -> Ticker:
        return _decoded(await self._request("GET", f"/products/{product}/ticker", None, {}), Ticker)

    async def book(self, product: str) -> Book:
        return _decoded(await self._request("GET", f"/products/{product}/book?level=3", None, {}), Book)

    async def positions(self) -> dict[int, int]:
        """By partition, the offset of the last command whose outcome can be read."""
        places = _decoded(await self._request("GET", "/positions", None, {}), list[Place])
        return {place.partition: place.command_offset for place in places}

    async def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, content=body, headers=headers)
        except httpx.TransportError as error:
            raise Unavailable(f"{method} {path.partition('?')[0]}: {type(error).__name__} {error}".strip()) from error
        if answer.status_code >= 500 or _says_retry(answer):
            raise Unavailable(f"{method} {path.partition('?')[0]}: {answer.status_code} {answer.text[:200]}")
        return answer


class _Problem(msgspec.Struct):
    retryable: bool = False


def _says_retry(answer: httpx.Response) -> bool:
    """409 for a request in flight, mostly."""
    if answer.status_code < 400 or answer.status_code == _NOT_FOUND:
        return False
    try:
        return msgspec.json.decode(answer.content, type=_Problem).retryable
    except msgspec.MsgspecError:
        return False


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.status_code >= 400:
        raise Refused(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer


def _decoded(answer: httpx.Response, shape: type[T]) -> T:
    return msgspec.json.decode(_checked(answer).content, type=shape)


async def persistently(attempt: Callable[[], Awaitable[T]], limit_s: float) -> T:
    """Try again while it is `Unavailable`, with growing pauses, for at most `limit_s`."""
    deadline, pause = time.monotonic() + limit_s, FIRST_PAUSE_S
    while True:
        try:
            return await attempt()
        except Unavailable:
            if time.monotonic() + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
