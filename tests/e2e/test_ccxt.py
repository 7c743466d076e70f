"""CCXT's coinbaseexchange, with only its address and key changed, against the exchange with signatures required.

What it cannot do here, and why, is in docs/reference/ccxt.md.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import ccxt
import pytest

from libs.access.keys import Shown
from libs.access.scopes import Scope
from tests.e2e.ccxt_market import Client, client, list_market
from tests.e2e.conftest import MakeKey
from tests.e2e.stack import Stack
from tests.e2e.venue import LOOK_S, PATIENCE_S

BASE: Final = "CCXT"
SYMBOL: Final = f"{BASE}/USD"
PRODUCT: Final = f"{BASE}-USD"
ASKERS: Final = 6
ASKING_S: Final = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def until(condition: Any, what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        time.sleep(LOOK_S)
    return found


@pytest.fixture(scope="module")
def ann(secured: Stack, make_key: MakeKey) -> Client:
    list_market(secured, make_key, BASE)
    return client(secured, make_key("ann-ccxt", Scope.TRADE))


@pytest.fixture(scope="module")
def bob(secured: Stack, make_key: MakeKey, ann: Client) -> Client:
    assert ann.apiKey
    return client(secured, make_key("bob-ccxt", Scope.TRADE))


def standing(who: Client) -> list[str]:
    return [order["id"] for order in who.fetch_open_orders(SYMBOL)]


def final(who: Client, order_id: str) -> dict[str, Any]:
    """The order once it is over."""

    def over() -> dict[str, Any] | None:
        order: dict[str, Any] = who.fetch_order(order_id)
        return order if order["status"] in ("closed", "canceled", "rejected") else None

    found: dict[str, Any] = until(over, f"the end of {order_id}")
    return found


def test_markets_and_currencies(ann: Client) -> None:
    market = ann.load_markets()[SYMBOL]
    assert (market["id"], market["active"], market["base"], market["quote"]) == (PRODUCT, True, "CCXT", "USD")
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.001)
    assert ann.currencies["CCXT"]["precision"] == 0.001
    assert abs(ann.fetch_time() - time.time() * 1000) < 60_000


def test_a_limit_order_rests_and_is_found_and_cancelled(ann: Client) -> None:
    made = ann.create_order(SYMBOL, "limit", "buy", 2, 90.5, {"clientOrderId": "ann-first"})
    assert (made["status"], made["clientOrderId"]) == ("open", "ann-first")
    order = ann.fetch_order(made["id"])
    expected = {
        "id": made["id"], "clientOrderId": "ann-first", "symbol": SYMBOL, "type": "limit", "side": "buy", "price": 90.5,
        "amount": 2, "filled": 0, "remaining": 2, "status": "open", "timeInForce": "GTC", "postOnly": False,
    }  # fmt: skip
    assert {name: order[name] for name in expected} == expected
    assert ann.fetch_order("", None, {"clientOrderId": "ann-first"}) == order
    assert standing(ann) == [made["id"]]
    book = until(lambda: ann.fetch_order_book(SYMBOL)["bids"] and ann.fetch_order_book(SYMBOL), "a bid in the book")
    assert book["bids"][0][:2] == [90.5, 2]
    assert book["nonce"] > 0
    ann.cancel_order(made["id"], SYMBOL)
    assert final(ann, made["id"])["status"] == "canceled"
    other = ann.create_order(SYMBOL, "limit", "buy", 1, 80, {"clientOrderId": "ann-second"})
    ann.cancel_order("", SYMBOL, {"clientOrderId": "ann-second"})
    assert final(ann, other["id"])["status"] == "canceled"


def test_trades_seen_by_both_sides_and_by_everybody(ann: Client, bob: Client) -> None:
    maker = ann.create_order(SYMBOL, "limit", "sell", 3, 100)
    ann.fetch_order(maker["id"])
    by_size = bob.create_order(SYMBOL, "market", "buy", 1)
    by_cost = bob.create_order(SYMBOL, "market", "buy", 0, None, {"cost": 200})
    for order in (by_size, by_cost):
        assert final(bob, order["id"])["status"] == "closed"
    assert final(bob, by_cost["id"])["cost"] == 200
    done = final(ann, maker["id"])
    assert (done["filled"], done["remaining"], done["average"]) == (3, 0, 100)
    mine = bob.fetch_my_trades(SYMBOL)
    assert [(fill["side"], fill["amount"], fill["price"], fill["takerOrMaker"]) for fill in mine] == [
        ("buy", 1, 100, "taker"), ("buy", 2, 100, "taker")
    ]  # fmt: skip
    assert [fill["takerOrMaker"] for fill in ann.fetch_order_trades(maker["id"], SYMBOL)] == ["maker", "maker"]
    assert bob.fetch_my_trades(SYMBOL, mine[1]["timestamp"])[-1]["id"] == mine[1]["id"]
    public = bob.fetch_trades(SYMBOL, limit=2)
    assert [(trade["side"], trade["amount"]) for trade in public] == [("buy", 1), ("buy", 2)]
    assert maker["id"] in [order["id"] for order in ann.fetch_closed_orders(SYMBOL)]
    assert {by_size["id"], by_cost["id"]} <= {order["id"] for order in bob.fetch_orders(SYMBOL)}


def test_ticker_candles_and_balance(ann: Client, bob: Client) -> None:
    ticker = until(lambda: (found := bob.fetch_ticker(SYMBOL))["last"] and found, "a last price")
    assert (ticker["last"], ticker["baseVolume"]) == (100, 3)
    (candle,) = bob.fetch_ohlcv(SYMBOL, "1d")
    assert candle[1:] == [100, 100, 100, 100, 3]
    assert bob.fetch_ohlcv(SYMBOL, "1d", since=candle[0], limit=1) == [candle]
    assert bob.fetch_tickers([SYMBOL])[SYMBOL]["last"] == 100
    bob.options["fetchTickerMethod"] = "publicGetProductsIdStats"
    stats = bob.fetch_ticker(SYMBOL)
    assert (stats["open"], stats["high"], stats["low"], stats["last"], stats["baseVolume"]) == (100, 100, 100, 100, 3)
    balance = bob.fetch_balance()
    assert (balance["CCXT"]["total"], balance["USD"]["total"]) == (3, -300)
    order = bob.create_order(SYMBOL, "limit", "sell", 1, 500)
    bob.fetch_order(order["id"])
    assert (bob.fetch_balance()["CCXT"]["used"], bob.fetch_balance()["CCXT"]["free"]) == (1, 2)
    bob.cancel_order(order["id"])
    assert bob.fetch_trading_fees()[SYMBOL]["maker"] == 0
    assert {account["id"] for account in bob.fetch_accounts()} == {"CCXT", "USD"}


def test_terms_of_orders(ann: Client, bob: Client) -> None:
    resting = ann.create_order(SYMBOL, "limit", "sell", 1, 110, {"postOnly": True})
    assert until(lambda: ann.fetch_order(resting["id"])["status"] == "open", "a post-only order rests")
    crossing = bob.create_order(SYMBOL, "limit", "buy", 1, 110, {"postOnly": True})
    assert final(bob, crossing["id"])["status"] == "rejected"
    stop = bob.create_order(SYMBOL, "limit", "sell", 1, 80, {"triggerPrice": 85})
    shown = bob.fetch_order(stop["id"])
    assert (shown["status"], shown["triggerPrice"]) == ("open", 85)
    market_stop = bob.create_order(SYMBOL, "market", "sell", 1, None, {"stopPrice": 84})
    assert bob.fetch_order(market_stop["id"])["triggerPrice"] == 84
    short = bob.create_order(SYMBOL, "limit", "buy", 1, 70, {"timeInForce": "GTT", "cancel_after": "min"})
    assert bob.fetch_order(short["id"])["timeInForce"] == "GTD"
    nothing = bob.create_order(SYMBOL, "limit", "buy", 1, 70, {"timeInForce": "IOC"})
    assert final(bob, nothing["id"])["status"] == "canceled"
    wanted = {stop["id"], market_stop["id"], short["id"]}
    assert until(lambda: set(standing(bob)) == wanted, "three orders of bob stand")
    bob.cancel_all_orders(SYMBOL)
    until(lambda: not standing(bob), "all of bob's orders are cancelled")
    ann.cancel_all_orders()
    until(lambda: not standing(ann), "all of ann's orders are cancelled")


def test_errors_are_of_the_classes_that_ccxt_has_for_them(secured: Stack, ann: Client, make_key: MakeKey) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    with pytest.raises(ccxt.OrderNotFound):
        ann.fetch_order(unknown)
    with pytest.raises(ccxt.OrderNotFound):
        ann.cancel_order(unknown)
    with pytest.raises(ccxt.InvalidOrder):
        ann.fetch_order("not-an-id")
    with pytest.raises(ccxt.InvalidOrder):
        ann.private_post_orders({"product_id": "NO-USD", "side": "buy", "price": "1", "size": "1"})
    for price, size in (("100.001", "1"), ("100", "0.0001"), ("0", "1"), ("100", "0")):
        with pytest.raises(ccxt.InvalidOrder):
            ann.private_post_orders({"product_id": PRODUCT, "side": "buy", "price": price, "size": size})
    with pytest.raises(ccxt.BadSymbol):
        ann.fetch_ticker("NO/USD")
    with pytest.raises(ccxt.InvalidOrder):
        ann.public_get_products_id_ticker({"id": "NO-USD"})
    stranger = client(secured, Shown("0" * 32, "c2VjcmV0", "phrase"))
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()
    viewer = client(secured, make_key("ann", Scope.VIEW))
    with pytest.raises(ccxt.ExchangeNotAvailable, match="insufficient_scope"):  # what CCXT makes of any 403
        viewer.create_order(SYMBOL, "limit", "buy", 1, 1)
    with pytest.raises(ccxt.ExchangeError, match="Funds not allowed"):
        ann.private_post_orders({"product_id": PRODUCT, "side": "buy", "price": "1", "size": "1", "funds": "5"})


def test_who_asks_too_often_is_told_so(secured: Stack, make_key: MakeKey) -> None:
    key = make_key("hasty", Scope.VIEW)
    refused = threading.Event()

    def ask() -> None:
        hasty = client(secured, key)
        hasty.enableRateLimit = False
        try:
            while not refused.is_set():
                hasty.private_get_fees()
        except ccxt.RateLimitExceeded:
            refused.set()

    with ThreadPoolExecutor(ASKERS) as askers:
        asked = [askers.submit(ask) for _ in range(ASKERS)]
        refused.wait(ASKING_S)
        told = refused.is_set()
        refused.set()
    assert told
    assert [each.exception() for each in asked] == [None] * ASKERS
