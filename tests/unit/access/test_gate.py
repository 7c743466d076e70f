"""Authorisation as a table: what each kind of caller gets from each kind of path, with and without authentication."""

import asyncio

import msgspec
import pytest

from libs.access.caller import NOBODY, Caller, caller_in
from libs.access.scopes import Scope
from libs.access.sealing import new_key
from libs.access.settings import AccessSettings
from libs.access.signatures import Signed
from libs.service import http
from libs.service.problems import Problem
from libs.service.settings import SettingsError, describe, load
from tests.unit.access.world import World, code, needs, world

PATHS = ("/public", "/view/1", "/trade/1", "/operate/1")
OK = (200, "")
REQUIRED = (401, "authentication_required")
SCOPE = (403, "insufficient_scope")
TABLE = {
    (): (OK, REQUIRED, REQUIRED, REQUIRED),
    (Scope.VIEW,): (OK, OK, SCOPE, SCOPE),
    (Scope.TRADE,): (OK, OK, OK, SCOPE),
    (Scope.OPERATE,): (OK, OK, SCOPE, OK),
    (Scope.TRADE, Scope.OPERATE): (OK, OK, OK, OK),
}


@pytest.mark.parametrize("scopes", TABLE, ids=lambda scopes: "+".join(scopes) or "unsigned")
def test_who_may_what(scopes: tuple[Scope, ...]) -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(*scopes) if scopes else None
            for path, wanted in zip(PATHS, TABLE[scopes], strict=True):
                answer = await (api.signed(key, "POST", path) if key else api.ask("POST", path))
                assert ((200, "") if answer.status_code == 200 else code(answer)) == wanted, path

    asyncio.run(run())


def test_headers_are_not_believed_where_authentication_is_required() -> None:
    async def run() -> None:
        async with world() as api:
            claims = {"Outcry-Account": "bob", "Outcry-Role": "operator"}
            public = await api.ask("GET", "/public", b"", claims)
            assert public.json() == {"account": "", "operator": False, "body": ""}
            assert code(await api.ask("GET", "/view/1", b"", claims)) == REQUIRED
            key = await api.key(Scope.TRADE)
            named = await api.signed(key, "GET", "/view/1", outcry_account="bob")
            assert code(named) == (403, "foreign_account")
            claimed = await api.signed(key, "GET", "/view/1", outcry_role="operator")
            assert code(claimed) == (403, "operator_only")

    asyncio.run(run())


def test_an_operator_may_act_for_another_account() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.OPERATE, account="desk")
            answer = await api.signed(key, "GET", "/view/1", outcry_account="bob")
            assert answer.json() == {"account": "bob", "operator": True, "body": ""}

    asyncio.run(run())


def test_without_authentication_headers_are_believed_and_credentials_still_checked() -> None:
    async def run() -> None:
        async with world("off") as api:
            anybody = await api.ask("POST", "/operate/1", b"", {"Outcry-Account": "bob", "Outcry-Role": "operator"})
            assert anybody.json() == {"account": "bob", "operator": True, "body": ""}
            key = await api.key(Scope.TRADE)
            assert (await api.signed(key, "POST", "/trade/1", b"x")).json()["account"] == "ann"
            assert code(await api.signed(key, "POST", "/operate/1")) == SCOPE
            forged = api.headers(key, "POST", "/trade/1", b"other")
            assert code(await api.ask("POST", "/trade/1", b"x", forged)) == (401, "invalid_signature")

    asyncio.run(run())


def test_where_no_keys_are_known_a_signature_proves_nothing() -> None:
    async def run() -> None:
        async with world("off") as knowing, world("off", secrets_key="") as api:
            key = await knowing.key(Scope.TRADE)
            assert code(await api.ask("POST", "/trade/1", b"", knowing.headers(key, "POST", "/trade/1"))) == (
                401,
                "invalid_api_key",
            )

    asyncio.run(run())


async def shake(api: World, path: str, headers: dict[str, str]) -> tuple[Caller | None, list[object]]:
    """A socket's handshake: who came through, and what was sent instead."""
    came: list[Caller] = []
    sent: list[object] = []

    async def app(scope: http.Scope, _receive: http.Receive, _send: http.Send) -> None:
        came.append(caller_in(scope))

    async def receive() -> http.Message:
        return {"type": "websocket.connect"}

    async def send(message: http.Message) -> None:
        sent.append(dict(message))

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    gate = api.access.gate(app, needs, lambda _path: 0)
    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": raw}
    await gate(scope, receive, send)
    return (came[0] if came else None), sent


def test_a_socket_is_its_handshakes() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.TRADE)
            claims = {"Outcry-Account": "bob", "Outcry-Role": "operator"}
            assert await shake(api, "/public", claims) == (NOBODY, [])
            signed = api.headers(key, "GET", "/trade/1")
            assert await shake(api, "/trade/1", signed) == (Caller("ann", operator=False), [])
            for path, headers, wanted in (
                ("/trade/1", claims, "authentication_required"),
                ("/trade/2", signed, "invalid_signature"),
                ("/operate/1", api.headers(key, "GET", "/operate/1"), "insufficient_scope"),
            ):
                refusal = {"type": "websocket.close", "code": 1008, "reason": wanted}
                assert await shake(api, path, headers) == (None, [refusal])

    asyncio.run(run())


def test_a_subscription_is_signed_as_coinbase_has_it() -> None:
    async def run() -> None:
        async with world() as api:
            key = await api.key(Scope.VIEW)
            made = api.headers(key, "GET", "/users/self/verify")
            given = Signed(*(made[f"cb-access-{name}"].encode() for name in ("key", "sign", "timestamp", "passphrase")))
            assert api.access.signatures is not None
            assert api.access.signatures.check_subscription(given).account == "ann"
            with pytest.raises(Problem, match="invalid_signature"):
                api.access.signatures.check_subscription(given._replace(signature=b"other"))

    asyncio.run(run())


def test_refusals_are_counted_by_code() -> None:
    async def run() -> None:
        async with world() as api:
            await api.ask("GET", "/view/1")
            counted = api.process.metrics.counter("problems_total", "", code="authentication_required")
            assert counted.value == 1

    asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_this_machine_alone_may_be_asked_without_authentication(host: str) -> None:
    assert load(AccessSettings, {"OUTCRY_HOST": host}).auth == "off"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "exchange.example", ""])
def test_any_other_address_needs_authentication(host: str) -> None:
    with pytest.raises(SettingsError, match=r"OUTCRY_HOST.*this machine alone.*OUTCRY_AUTH=required"):
        load(AccessSettings, {"OUTCRY_HOST": host})
    given = {"OUTCRY_HOST": host, "OUTCRY_AUTH": "required", "OUTCRY_SECRETS_KEY": new_key()}
    assert load(AccessSettings, given).host == host


def test_required_without_anything_to_check_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"OUTCRY_AUTH.*OUTCRY_SECRETS_KEY"):
        load(AccessSettings, {"OUTCRY_AUTH": "required"})


def test_a_bad_sealing_key_is_refused_by_name_and_not_told() -> None:
    with pytest.raises(SettingsError) as refused:
        load(AccessSettings, {"OUTCRY_SECRETS_KEY": "bm8ga2V5"})
    assert "OUTCRY_SECRETS_KEY" in str(refused.value)
    assert "bm8ga2V5" not in str(refused.value)


def test_the_settings_that_are_logged_hold_no_key() -> None:
    key = new_key()
    assert key not in msgspec.json.encode(describe(AccessSettings(secrets_key=key))).decode()
