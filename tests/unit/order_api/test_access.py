"""order_api where authentication is required: an account touches its own orders only, operators alone list products."""

import asyncio
import base64

import httpx
import msgspec
import pytest

from libs.access.desk import KeyDesk
from libs.access.keys import Shown
from libs.access.scopes import Scope
from libs.access.sealing import Sealer, new_key
from libs.access.signatures import signature
from services.order_api.openapi import OPERATIONS
from services.order_api.permissions import needed
from tests.unit.order_api.exchange import ORDER, Exchange, problem, with_exchange

SEALING = new_key()
REQUIRED = {"auth": "required", "secrets_key": SEALING}
_encode = msgspec.json.Encoder().encode


class Trader:
    """An account with a key."""

    def __init__(self, exchange: Exchange, shown: Shown) -> None:
        self._exchange = exchange
        self._shown = shown

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        raw = b"" if body is None else _encode(body)
        timestamp = b"%d" % (self._exchange.process.clock.now() // 10**9)
        made = signature(base64.b64decode(self._shown.secret), timestamp, method, path.encode(), raw)
        headers = {
            "CB-ACCESS-KEY": self._shown.id,
            "CB-ACCESS-SIGN": made.decode(),
            "CB-ACCESS-TIMESTAMP": timestamp.decode(),
            "CB-ACCESS-PASSPHRASE": self._shown.passphrase,
        }
        return await self._exchange.http.request(method, path, content=raw, headers=headers)


async def trader(exchange: Exchange, account: str, *scopes: Scope) -> Trader:
    desk = KeyDesk(exchange.log, exchange.process.clock, "test")
    _, shown = await desk.create(Sealer.parse(SEALING), account, scopes)
    signatures = exchange.api.access.signatures
    assert signatures is not None
    while signatures.ring.find(shown.id) is None:
        await asyncio.sleep(0)
    return Trader(exchange, shown)


REQUESTS: tuple[tuple[str, str, object], ...] = (
    ("POST", "/orders", ORDER),
    ("POST", "/orders/batch", {"orders": [ORDER | {"op": "place"}]}),
    ("PATCH", "/orders/{id}", {"price": "100.10"}),
    ("DELETE", "/orders/{id}", None),
    ("DELETE", "/orders?product_id=BTC-USD", None),
    ("DELETE", "/orders", None),
    ("POST", "/cancel-all-after", {"product_id": "BTC-USD", "timeout": 60}),
    ("POST", "/products", {}),
    ("PATCH", "/products/BTC-USD", {}),
    ("POST", "/products/BTC-USD/status", {"status": "halted"}),
    ("DELETE", "/products/BTC-USD", None),
    ("POST", "/operator/replays", {}),
    ("POST", "/operator/replays/{id}/confirm", {}),
    ("POST", "/operator/replays/{id}/pause", None),
    ("POST", "/operator/replays/{id}/resume", None),
    ("POST", "/operator/replays/{id}/cancel", None),
    ("POST", "/operator/dead-letters/{id}/discard", {}),
    ("GET", "/nothing", None),
)
"""Every request there is, and one there is not."""


def test_the_table_has_every_operation_of_the_description() -> None:
    described = {
        (each.method.upper(), each.path.replace("{name}", "{id}").replace("{product_id}", "BTC-USD"))
        for each in OPERATIONS
    }
    assert described <= {(method, path.partition("?")[0]) for method, path, _ in REQUESTS}


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=lambda given: str(given)[:24])
def test_nothing_is_done_for_who_proves_nothing(method: str, path: str, body: object) -> None:
    async def scenario(exchange: Exchange) -> None:
        named = path.replace("{id}", "00000000-0000-7000-8000-000000000101")
        for claims in ({}, {"Outcry_Account": "ann"}, {"Outcry_Role": "operator"}):
            answer = await exchange.ask(method, named, body, **claims)
            assert problem(answer)[:2] == (401, "authentication_required")
        viewer = await trader(exchange, "ann", Scope.VIEW)
        assert problem(await viewer.ask(method, named, body))[:2] == (403, "insufficient_scope")
        assert await exchange.commands() == []

    with_exchange(scenario, **REQUIRED)


def test_an_account_touches_its_own_orders_only() -> None:
    async def scenario(exchange: Exchange) -> None:
        ann = await trader(exchange, "ann", Scope.TRADE)
        bob = await trader(exchange, "bob", Scope.TRADE)
        placed = await ann.ask("POST", "/orders", ORDER | {"client_oid": "mine"})
        assert placed.status_code == 202
        path = f"/orders/{placed.json()['id']}"
        for method, body in (("PATCH", {"price": "100.10"}), ("DELETE", None)):
            assert problem(await bob.ask(method, path, body))[:2] == (404, "order_not_found")
            assert (await ann.ask(method, path, body)).status_code == 202
        # Another account's client_oid names none of its orders: the engine looks among bob's.
        await bob.ask("DELETE", "/orders/client:mine?product_id=BTC-USD")
        assert [command.account for command in await exchange.commands()] == ["ann", "ann", "ann", "bob"]

    with_exchange(scenario, **REQUIRED)


def test_only_an_operator_acts_for_another_account() -> None:
    async def scenario(exchange: Exchange) -> None:
        batch = {"orders": [ORDER | {"op": "place", "account": "bob"}]}
        ann = await trader(exchange, "ann", Scope.TRADE)
        (refused,) = (await ann.ask("POST", "/orders/batch", batch)).json()["results"]
        assert refused["code"] == "operator_only"
        desk = await trader(exchange, "desk", Scope.TRADE, Scope.OPERATE)
        (taken,) = (await desk.ask("POST", "/orders/batch", batch)).json()["results"]
        assert taken["status"] == 202
        (command,) = await exchange.commands()
        assert command.account == "bob"

    with_exchange(scenario, **REQUIRED)


def test_products_are_the_operators() -> None:
    async def scenario(exchange: Exchange) -> None:
        halt = {"status": "halted"}
        ann = await trader(exchange, "ann", Scope.TRADE)
        assert problem(await ann.ask("POST", "/products/BTC-USD/status", halt))[:2] == (403, "insufficient_scope")
        desk = await trader(exchange, "desk", Scope.OPERATE)
        assert (await desk.ask("POST", "/products/BTC-USD/status", halt)).status_code == 202
        assert problem(await desk.ask("POST", "/orders", ORDER))[:2] == (403, "insufficient_scope")

    with_exchange(scenario, **REQUIRED)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/orders", Scope.TRADE),
        ("/orders/batch", Scope.TRADE),
        ("/products", Scope.OPERATE),
        ("/products/BTC-USD/status", Scope.OPERATE),
        ("/productsx", Scope.TRADE),
        ("/", Scope.TRADE),
    ],
)
def test_what_a_path_needs(path: str, wanted: Scope) -> None:
    assert needed("POST", path) is wanted
