"""Who may do what, as one table: every endpoint, for every role, with what is its own, another's, and nobody's.

A row names what answers (own, another's, nobody's) for a role each; one number is for all three. The keys that view and
trade, and those of who sees to dead letters, are ann's; the other is bob; the operator has no orders.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Final, NamedTuple

import httpx
import pytest

from libs.access.keys import Shown
from libs.access.scopes import Scope
from services.order_api.openapi import OPERATIONS as COMMANDS
from services.query_api.openapi import OPERATIONS as QUERIES
from sim.signed import Signed
from tests.e2e.conftest import MakeKey
from tests.e2e.stack import Stack
from tests.e2e.venue import Json

PRODUCT: Final = "AUTH-USD"
NOBODYS: Final = "00000000-0000-7000-8000-000000000000"
LETTER: Final = "0:999999999"
TASK: Final = "00000000000070008000000000000000"
PATIENCE_S: Final = 60.0

ROLES: Final = (None, Scope.VIEW, Scope.TRADE, Scope.OPERATE, Scope.VIEWER, Scope.REPLAYER, Scope.EDITOR)
"""Nobody, and a key for each scope. Seeing to dead letters is, anywhere else, no more than to view."""
# method, path, (nobody; view; trade; operate), each: own, another's, nobody's
TABLE: Final = """
GET    /products                          200         200         200         200
GET    /products/{product}                200         200         200         200
GET    /products/{product}/book           200         200         200         200
GET    /products/{product}/ticker         200         200         200         200
GET    /products/{product}/trades         200         200         200         200
GET    /products/{product}/trades.ndjson  200         200         200         200
GET    /products/{product}/candles        200         200         200         200
GET    /products/{product}/stats          200         200         200         200
GET    /products/spark-lines              200         200         200         200
GET    /currencies                        200         200         200         200
GET    /currencies/USD                    200         200         200         200
GET    /time                              200         200         200         200
GET    /status                            200         200         200         200
GET    /limits                            200         200         200         200
GET    /positions                         200         200         200         200
GET    /orders                            401         200         200         200
GET    /orders?account={account}          401         200,403,403 200,403,403 200
GET    /orders/{order}                    401         200,404,404 200,404,404 200,200,404
GET    /orders/{order}?wait=1             401         200,404,404 200,404,404 200,200,404
GET    /orders/client:{name}              401         200,404,404 200,404,404 404
GET    /orders/client:{name}?account={account} 401    200,403,403 200,403,403 200,200,404
GET    /orders/{order}/events             401         200,404,404 200,404,404 200,200,404
GET    /fills?account={account}           401         200,403,403 200,403,403 200
GET    /fills?order_id={order}            401         200,404,404 200,404,404 200,200,404
GET    /accounts?account={account}        401         200,403,403 200,403,403 200
GET    /accounts/USD?account={account}    401         200,403,403 200,403,403 200,200,404
GET    /holdings?account={account}        401         200,403,403 200,403,403 200
GET    /fees                              401         200         200         200
PATCH  /orders/{order}                    401         403         202,404,404 403
DELETE /orders/{order}                    401         403         202,404,404 403
POST   /orders                            401         403         202         403
POST   /orders/batch                      401         403         200         403
DELETE /orders?product_id={product}       401         403         202         403
POST   /cancel-all-after                  401         403         202         403
POST   /products                          401         403         403         409
PATCH  /products/{product}                401         403         403         202
POST   /products/{product}/status         401         403         403         202
"""
# method, path, a role each; of a dead letter and a task that are nobody's
OPERATORS: Final = """
GET    /operator/dead-letters                     401 403 403 200 200 200 200
GET    /operator/dead-letters/{letter}            401 403 403 404 404 404 404
POST   /operator/dead-letters/{letter}/dry-run    401 403 403 404 404 404 404
POST   /operator/dead-letters/{letter}/discard    401 403 403 403 403 403 404
GET    /operator/replays                          401 403 403 200 200 200 200
GET    /operator/replays/{task}                   401 403 403 404 404 404 404
GET    /operator/audit                            401 403 403 200 200 200 200
POST   /operator/replays                          401 403 403 403 403 409 409
POST   /operator/replays/{task}/confirm           401 403 403 403 403 404 404
POST   /operator/replays/{task}/pause             401 403 403 403 403 404 404
POST   /operator/replays/{task}/resume            401 403 403 403 403 404 404
POST   /operator/replays/{task}/cancel            401 403 403 403 403 404 404
"""
LAST: Final = "DELETE /products/{product}"
"""Tried last of all, since it ends the product: only an operator may."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Row(NamedTuple):
    method: str
    path: str
    statuses: tuple[tuple[int, ...], ...]
    """Of each role: with its own, with another's, with nobody's."""


def rows() -> list[Row]:
    lines = [line.split() for table in (TABLE, OPERATORS) for line in table.strip().splitlines()]
    return [Row(method, path, tuple(_three(text) for text in _of_all(texts))) for method, path, *texts in lines]


def _of_all(texts: list[str]) -> list[str]:
    """A role that is not named may what the one that views may."""
    _nobody, view, *_ = texts
    return texts + [view] * (len(ROLES) - len(texts))


def _three(text: str) -> tuple[int, ...]:
    found = tuple(map(int, text.split(",")))
    return found if len(found) == 3 else found * 3


def test_the_table_has_every_operation() -> None:
    listed = {(row.method.lower(), row.path.partition("?")[0]) for row in rows()} | {("delete", "/products/{product}")}
    named = {
        "{product_id}": "{product}", "/orders/{name}": "/orders/{order}", "{currency}": "USD", "{task_id}": "{task}",
        "dead-letters/{name}": "dead-letters/{letter}", "replays/{name}": "replays/{task}",
    }  # fmt: skip
    for operation in (*COMMANDS, *QUERIES):
        path = operation.path
        for one, other in named.items():
            path = path.replace(one, other)
        assert (operation.method, path) in listed, operation.path


class Standing(NamedTuple):
    """What an account has."""

    account: str
    order: str
    name: str


@pytest.fixture(scope="module")
def desk(secured: Stack, make_key: MakeKey) -> Iterator["Desk"]:
    with ExitStack() as opened:
        yield Desk(secured, make_key, opened)


class Desk:
    """A client for each role, and what belongs to whom."""

    def __init__(self, secured: Stack, make_key: MakeKey, opened: ExitStack) -> None:
        self._url = secured.url
        self._opened = opened
        self.roles = [self._client(make_key(_account(role), role) if role else None) for role in ROLES]
        self._position = ""
        names = {"id": PRODUCT, "base_currency": "AUTH", "quote_currency": "USD"}
        self._done(
            self.roles[ROLES.index(Scope.OPERATE)],
            "/products",
            names | {"quote_increment": "0.01", "base_increment": "0.001"},
        )
        bob = self._client(make_key("bob", Scope.TRADE))
        own = self._trader("ann", self.roles[ROLES.index(Scope.TRADE)], "sell")
        other = self._trader("bob", bob, "buy")
        self.things = (own, other, Standing("carol", NOBODYS, "nobodys"))

    def _client(self, key: Shown | None) -> httpx.Client:
        auth = Signed(key.id, key.secret, key.passphrase) if key else None
        made = httpx.Client(base_url=self._url, auth=auth, timeout=PATIENCE_S, trust_env=False)
        return self._opened.enter_context(made)

    def _trader(self, account: str, client: httpx.Client, side: str) -> Standing:
        """A trade between the two, so that both have a balance; and an order that stands."""
        order = {"product_id": PRODUCT, "side": side, "price": "100", "size": "1"}
        self._done(client, "/orders", order)
        price = "200" if side == "sell" else "50"
        name = f"{account}-stands"
        found = self._done(client, "/orders", order | {"price": price, "client_oid": name})
        return Standing(account, str(found["id"]), name)

    def _done(self, client: httpx.Client, path: str, body: Mapping[str, object]) -> Json:
        answer = client.post(path, json=body)
        assert answer.status_code == 202, answer.text
        self._position = answer.headers["outcry-position"]
        found: Json = answer.json()
        return found

    def status(self, role: int, method: str, path: str, thing: Standing) -> int:
        given = path.format(
            product=PRODUCT, order=thing.order, name=thing.name, account=thing.account, letter=LETTER, task=TASK
        )
        body = BODIES.get((method, path))
        headers = {"Outcry-Position": self._position} if method == "GET" else {}
        return self.roles[role].request(method, given, json=body, headers=headers).status_code


def _account(role: Scope) -> str:
    return "desk" if role is Scope.OPERATE else "ann"


_ORDER: Final = {"product_id": PRODUCT, "side": "buy", "price": "1", "size": "1"}
BODIES: Final[dict[tuple[str, str], object]] = {
    ("PATCH", "/orders/{order}"): {"size": "2"},
    ("POST", "/orders"): _ORDER,
    ("POST", "/orders/batch"): {"orders": [{"op": "place"} | _ORDER]},
    ("POST", "/cancel-all-after"): {"product_id": PRODUCT, "timeout": 0},
    ("POST", "/products"): {
        "id": PRODUCT, "base_currency": "AUTH", "quote_currency": "USD", "quote_increment": "0.01", "base_increment": "0.001",
    },
    ("PATCH", "/products/{product}"): {"min_size": "0"},
    ("POST", "/products/{product}/status"): {"status": "online"},
    ("POST", "/operator/replays"): {"filter": {"account": "nobody"}},
    ("POST", "/operator/replays/{task}/confirm"): {"hash": "0"},
    ("POST", "/operator/dead-letters/{letter}/discard"): {"reason": "the table of who may what"},
}  # fmt: skip


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.method} {row.path}")
def test_who_may_do_what(desk: Desk, row: Row) -> None:
    found = tuple(
        tuple(desk.status(role, row.method, row.path, thing) for thing in desk.things)
        for role in range(len(desk.roles))
    )
    assert found == row.statuses


def test_only_an_operator_ends_a_product(desk: Desk) -> None:
    method, _, path = LAST.partition(" ")
    found = [desk.status(role, method, path, desk.things[0]) for role in range(len(desk.roles))]
    assert found == [401, 403, 403, 202, 403, 403, 403]
