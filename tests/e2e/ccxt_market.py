"""A market that CCXT trades on: an exchange that wants signatures, and clients with only address and key changed."""

from typing import Any, Final, TypeAlias

import ccxt
import ccxt.pro
import httpx

from libs.access.keys import Shown
from libs.access.scopes import Scope
from sim.signed import Signed
from tests.e2e.conftest import MakeKey
from tests.e2e.stack import Stack

Client: TypeAlias = Any
"""A class of CCXT, which comes without types of its own."""
INCREMENTS: Final = {"quote_increment": "0.01", "base_increment": "0.001"}


def client(stack: Stack, key: Shown) -> Client:
    made = ccxt.coinbaseexchange(_credentials(key))
    made.urls["api"] = {"public": stack.url, "private": stack.url}
    return made


def watcher(stack: Stack, key: Shown) -> Client:
    """`newUpdates` off: what came between two calls is given by the second."""
    made = ccxt.pro.coinbaseexchange(_credentials(key) | {"newUpdates": False})
    made.urls["api"] = {"public": stack.url, "private": stack.url, "ws": f"ws{stack.url.removeprefix('http')}/ws"}
    return made


def list_market(secured: Stack, make_key: MakeKey, base: str) -> None:
    """`base`-USD, there to be read when this returns."""
    operator = make_key("operator", Scope.OPERATE)
    product = f"{base}-USD"
    body = {"id": product, "base_currency": base, "quote_currency": "USD"} | INCREMENTS
    auth = Signed(operator.id, operator.secret, operator.passphrase)
    with httpx.Client(base_url=secured.url, auth=auth, trust_env=False) as http:
        answer = http.post("/products", json=body)
        assert answer.status_code == 202, answer.text
        listed = {"Outcry-Position": answer.headers["outcry-position"]}
        assert http.get(f"/products/{product}", headers=listed).status_code == 200


def _credentials(key: Shown) -> dict[str, object]:
    return {"apiKey": key.id, "secret": key.secret, "password": key.passphrase}
