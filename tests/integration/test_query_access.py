"""query_api where authentication is required, as a table: every path, every kind of caller, one's own and another's."""

import base64

import pytest

from deploy.local.servers import Addresses
from libs.access.desk import KeyDesk
from libs.access.keys import Shown
from libs.access.scopes import Scope
from libs.access.sealing import Sealer, new_key
from libs.access.signatures import signature
from libs.events import ids
from tests.integration.test_query_api import PRODUCT, Stage, run
from tests.unit.read_model.stage import until

SEALING = new_key()
OWN, OTHER = "account-1", "account-2"
CALLERS: dict[str, tuple[str, tuple[Scope, ...]]] = {
    "viewer": (OWN, (Scope.VIEW,)),
    "trader": (OWN, (Scope.TRADE,)),
    "operator": ("desk", (Scope.OPERATE,)),
}
PUBLIC = ("/time", "/positions", "/products", f"/products/{PRODUCT}", f"/products/{PRODUCT}/book?level=3",
          f"/products/{PRODUCT}/ticker", f"/products/{PRODUCT}/trades")  # fmt: skip
PRIVATE: dict[str, tuple[int, int]] = {
    "/orders": (200, 200),
    "/orders/{own}": (200, 200),
    "/orders/{other}": (404, 200),
    "/orders/{unknown}": (404, 404),
    "/orders/{own}/events": (200, 200),
    "/orders/{other}/events": (404, 200),
    f"/orders?account={OWN}": (200, 200),
    f"/orders?account={OTHER}": (403, 200),
    f"/fills?account={OWN}": (200, 200),
    f"/fills?account={OTHER}": (403, 200),
    "/fills?order_id={own}": (200, 200),
    "/fills?order_id={other}": (404, 200),
    f"/orders/client:nothing?account={OTHER}": (403, 404),
    "/nothing": (404, 404),
}
"""What an account gets, and what an operator gets."""


async def headers(stage: Stage, shown: Shown, path: str) -> dict[str, str]:
    timestamp = b"%d" % (stage.clock.now() // 10**9)
    made = signature(base64.b64decode(shown.secret), timestamp, "GET", path.encode(), b"")
    return {
        "CB-ACCESS-KEY": shown.id,
        "CB-ACCESS-SIGN": made.decode(),
        "CB-ACCESS-TIMESTAMP": timestamp.decode(),
        "CB-ACCESS-PASSPHRASE": shown.passphrase,
    }


async def key(stage: Stage, account: str, scopes: tuple[Scope, ...]) -> Shown:
    _, shown = await KeyDesk(stage.log, stage.clock, "test").create(Sealer.parse(SEALING), account, scopes)
    signatures = stage.api.access.signatures
    assert signatures is not None

    async def known() -> bool:
        return signatures.ring.find(shown.id) is not None

    await until(known, "the key is known")
    return shown


def named(stage: Stage, path: str) -> str:
    own = ids.text(stage.orders_of(OWN)[0])
    other = next(ids.text(order) for order, row in stage.oracle.orders.items() if row["account"] == OTHER)
    return path.replace("{own}", own).replace("{other}", other).replace("{unknown}", "0" * 8 + own[8:])


@pytest.mark.parametrize("caller", ["nobody", *CALLERS])
def test_who_sees_what(servers: Addresses, caller: str) -> None:
    async def scenario(stage: Stage) -> None:
        del stage.client.headers["Outcry-Account"]
        shown = None if caller == "nobody" else await key(stage, *CALLERS[caller])
        wanted = dict.fromkeys(PUBLIC, 200) | {
            path: 401 if shown is None else statuses[caller == "operator"] for path, statuses in PRIVATE.items()
        }
        for path, status in wanted.items():
            target = named(stage, path)
            proof = {} if shown is None else await headers(stage, shown, target)
            answer = await stage.client.get(target, headers=proof)
            assert answer.status_code == status, (path, answer.text)

    run(servers, scenario, auth="required", secrets_key=SEALING, fresh_ms=0)


def test_an_account_is_given_its_own_rows_only(servers: Addresses) -> None:
    async def scenario(stage: Stage) -> None:
        del stage.client.headers["Outcry-Account"]
        shown = await key(stage, OWN, (Scope.VIEW,))
        target = "/orders?status=all&limit=1000"
        rows = (await stage.client.get(target, headers=await headers(stage, shown, target))).json()
        own = {ids.text(order) for order, row in stage.oracle.orders.items() if row["account"] == OWN}
        assert {row["id"] for row in rows} == own
        claimed = await headers(stage, shown, "/orders") | {"Outcry-Account": OTHER}
        answer = await stage.client.get("/orders", headers=claimed)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_account")

    run(servers, scenario, auth="required", secrets_key=SEALING)
