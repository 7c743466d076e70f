"""Signed requests: the shape is Coinbase Exchange's, and whatever does not fit is refused by its own code."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from libs.access.keys import Shown
from libs.access.scopes import Scope
from libs.access.signatures import signature
from tests.unit.access.world import World, code, world

ORDER = b'{"product_id":"BTC-USD","size":"0.1"}'
Headers = dict[str, str]


def test_the_signature_is_the_documented_one() -> None:
    secret = base64.b64decode("c2VjcmV0IHNlY3JldCBzZWNyZXQ=")
    message = '1700000000.25POST/orders?x=1{"size":"1"}'
    wanted = base64.b64encode(hmac.new(secret, message.encode(), hashlib.sha256).digest())
    assert signature(secret, b"1700000000.25", "POST", b"/orders?x=1", b'{"size":"1"}') == wanted


def test_a_signed_request_is_its_accounts_and_arrives_whole() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            answer = await api.signed(key, "POST", "/trade/orders?x=%20y", ORDER)
            assert answer.json() == {"account": "ann", "operator": False, "body": ORDER.decode()}

    asyncio.run(run())


def refused_with(change: Callable[[Headers], None], body: bytes = ORDER, path: str = "/trade/1") -> httpx.Response:
    """The answer to a request whose headers were changed after it was signed."""

    async def run() -> httpx.Response:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            headers = api.headers(key, "POST", "/trade/1", ORDER)
            change(headers)
            return await api.ask("POST", path, body, headers)

    return asyncio.run(run())


def drop(name: str) -> Callable[[Headers], None]:
    return lambda headers: headers.__delitem__(f"cb-access-{name}")


def put(name: str, value: str) -> Callable[[Headers], None]:
    return lambda headers: headers.__setitem__(f"cb-access-{name}", value)


def later(seconds: float) -> Callable[[Headers], None]:
    """Shifts the timestamp without signing anew."""
    return lambda headers: headers.__setitem__(
        "cb-access-timestamp", f"{float(headers['cb-access-timestamp']) + seconds:.3f}"
    )


@pytest.mark.parametrize(
    ("change", "wanted", "field"),
    [
        (dict.clear, "authentication_required", None),
        (drop("key"), "incomplete_credentials", "CB-ACCESS-KEY"),
        (drop("sign"), "incomplete_credentials", "CB-ACCESS-SIGN"),
        (drop("timestamp"), "incomplete_credentials", "CB-ACCESS-TIMESTAMP"),
        (drop("passphrase"), "incomplete_credentials", "CB-ACCESS-PASSPHRASE"),
        (put("key", "0" * 32), "invalid_api_key", "CB-ACCESS-KEY"),
        (put("key", "x" * 5_000), "invalid_api_key", "CB-ACCESS-KEY"),
        (put("sign", "c2lnbg=="), "invalid_signature", "CB-ACCESS-SIGN"),
        (put("sign", "?"), "invalid_signature", "CB-ACCESS-SIGN"),
        (later(1), "invalid_signature", "CB-ACCESS-SIGN"),
        (later(-31), "timestamp_expired", "CB-ACCESS-TIMESTAMP"),
        (later(31), "timestamp_expired", "CB-ACCESS-TIMESTAMP"),
        (later(-86_400), "timestamp_expired", "CB-ACCESS-TIMESTAMP"),
        (put("timestamp", "1e9"), "invalid_timestamp", "CB-ACCESS-TIMESTAMP"),
        (put("timestamp", "-1"), "invalid_timestamp", "CB-ACCESS-TIMESTAMP"),
        (put("timestamp", "9" * 400), "invalid_timestamp", "CB-ACCESS-TIMESTAMP"),
        (put("timestamp", "now"), "invalid_timestamp", "CB-ACCESS-TIMESTAMP"),
        (put("passphrase", "open sesame"), "invalid_passphrase", "CB-ACCESS-PASSPHRASE"),
    ],
)
def test_what_does_not_fit_is_refused(change: Callable[[Headers], None], wanted: str, field: str | None) -> None:
    answer = refused_with(change)
    assert (code(answer), answer.json()["field"]) == ((401, wanted), field)


@pytest.mark.parametrize(("body", "path"), [(ORDER + b" ", "/trade/1"), (b"", "/trade/1"), (ORDER, "/trade/1?x=1")])
def test_what_was_not_signed_is_not_done(body: bytes, path: str) -> None:
    assert code(refused_with(lambda _headers: None, body, path)) == (401, "invalid_signature")


def test_another_method_needs_another_signature() -> None:
    async def run() -> None:
        async with world() as api:
            headers = api.headers(await api.key(Scope.TRADE), "POST", "/trade/1")
            assert code(await api.ask("DELETE", "/trade/1", b"", headers)) == (401, "invalid_signature")

    asyncio.run(run())


def test_within_the_window_a_clock_may_be_off() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            for late_s in (29.9, -29.9):
                assert (await api.signed(key, "POST", "/trade/1", ORDER, late_s)).status_code == 200

    asyncio.run(run())


def test_a_signature_is_stale_when_the_window_is_over() -> None:
    async def run() -> None:
        async with world() as api:
            headers = api.headers(await api.key(Scope.TRADE), "POST", "/trade/1", ORDER)
            assert (await api.ask("POST", "/trade/1", ORDER, headers)).status_code == 200
            api.clock.advance(31)
            assert code(await api.ask("POST", "/trade/1", ORDER, headers)) == (401, "timestamp_expired")

    asyncio.run(run())


def test_a_key_ends_with_its_time() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE, lives_ns=60 * 10**9)
            assert (await api.signed(key, "POST", "/trade/1", ORDER)).status_code == 200
            api.clock.advance(61)
            assert code(await api.signed(key, "POST", "/trade/1", ORDER)) == (401, "invalid_api_key")

    asyncio.run(run())


def test_a_body_beyond_the_limit_is_not_read_to_its_end() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            assert code(await api.signed(key, "POST", "/trade/1", b"x" * 1_001)) == (413, "body_too_large")

    asyncio.run(run())


def test_a_key_that_is_revoked_while_the_body_comes_is_refused() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            answer = await _revoked_midway(api, key)
            assert code(answer) == (401, "invalid_api_key")

    asyncio.run(run())


async def _revoked_midway(api: World, key: Shown) -> httpx.Response:
    async def body() -> AsyncIterator[bytes]:
        yield ORDER[:10]
        await api.desk.revoke(key.id)
        await api.known(key.id, yes=False)
        yield ORDER[10:]

    return await api.http.post("/trade/1", content=body(), headers=api.headers(key, "POST", "/trade/1", ORDER))
