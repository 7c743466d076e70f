"""`ccxt.pro.coinbaseexchange`, with only its addresses and key changed: what it watches over `/ws`.

CCXT does not tell when a subscription holds, nor of what came between two calls until more comes, so what is to be seen is
done again until it is seen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import ccxt
import pytest

from libs.access.keys import Shown
from libs.access.scopes import Scope
from tests.e2e.ccxt_market import Client, client, list_market, watcher
from tests.e2e.conftest import MakeKey
from tests.e2e.stack import Stack

BASE: Final = "WATCH"
SYMBOL: Final = f"{BASE}/USD"
PATIENCE_S: Final = 60.0
LOOK_S: Final = 1.0
Act = Callable[[], object]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def ann_key(secured: Stack, make_key: MakeKey) -> Shown:
    list_market(secured, make_key, BASE)
    return make_key("ann-watches", Scope.TRADE)


@pytest.fixture(scope="module")
def ann(secured: Stack, ann_key: Shown) -> Client:
    return client(secured, ann_key)


@pytest.fixture(scope="module")
def bob(secured: Stack, ann_key: Shown, make_key: MakeKey) -> Client:
    assert ann_key.id
    return client(secured, make_key("bob-watches", Scope.TRADE))


def watched(secured: Stack, key: Shown, scenario: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        watching = watcher(secured, key)
        try:
            await scenario(watching)
        finally:
            await watching.close()

    asyncio.run(run())


async def seen(watch: Callable[[], Awaitable[Any]], act: Act, wanted: Callable[[Any], bool]) -> Any:
    """What is watched, once it is what is wanted; `act` as often as it takes."""
    async with asyncio.timeout(PATIENCE_S):
        looking = asyncio.ensure_future(watch())
        while True:
            await asyncio.to_thread(act)
            while (await asyncio.wait({looking}, timeout=LOOK_S))[0]:
                if wanted(found := looking.result()):
                    return found
                looking = asyncio.ensure_future(watch())


def test_a_book_and_a_ticker_are_watched(secured: Stack, ann_key: Shown, ann: Client) -> None:
    async def scenario(pro: Client) -> None:
        def bid() -> object:
            return ann.create_order(SYMBOL, "limit", "buy", 2, 60)

        book = await seen(lambda: pro.watch_order_book(SYMBOL), bid, lambda book: bool(book["bids"]))
        assert book["bids"][0][0] == 60
        await seen(
            lambda: pro.watch_order_book(SYMBOL), lambda: ann.cancel_all_orders(SYMBOL), lambda book: not book["bids"]
        )
        ticker = await seen(lambda: pro.watch_ticker(SYMBOL), bid, lambda ticker: ticker["bid"] == 60)
        assert ticker["bidVolume"] >= 2
        several = await seen(lambda: pro.watch_order_book_for_symbols([SYMBOL]), bid, lambda book: bool(book["bids"]))
        assert several["symbol"] == SYMBOL

    watched(secured, ann_key, scenario)


def test_trades_are_watched_by_everybody_and_by_who_trades(
    secured: Stack, ann_key: Shown, ann: Client, bob: Client
) -> None:
    def trade() -> object:
        ann.create_order(SYMBOL, "limit", "sell", 1, 90)
        return bob.create_order(SYMBOL, "limit", "buy", 1, 90)

    async def scenario(pro: Client) -> None:
        trades = await seen(lambda: pro.watch_trades(SYMBOL), trade, bool)
        assert (trades[-1]["price"], trades[-1]["amount"], trades[-1]["symbol"]) == (90, 1, SYMBOL)
        mine = await seen(lambda: pro.watch_my_trades(SYMBOL), trade, bool)
        assert (mine[-1]["side"], mine[-1]["price"], mine[-1]["takerOrMaker"]) == ("sell", 90, "maker")

    watched(secured, ann_key, scenario)


def test_ones_orders_are_watched_to_their_end(secured: Stack, ann_key: Shown, ann: Client, bob: Client) -> None:
    names: list[str] = []

    def place() -> None:
        names.append(f"watched-{len(names)}")
        ann.create_order(SYMBOL, "limit", "buy", 1, 70, {"clientOrderId": names[-1]})

    def trade() -> None:
        place()
        bob.create_order(SYMBOL, "limit", "sell", 1, 70)

    def of(status: str) -> Callable[[Any], bool]:
        return lambda orders: any(order["clientOrderId"] in names and order["status"] == status for order in orders)

    async def scenario(pro: Client) -> None:
        def watch() -> Awaitable[Any]:
            orders: Awaitable[Any] = pro.watch_orders(SYMBOL)
            return orders

        orders = await seen(watch, place, of("open"))
        order = next(order for order in orders if order["clientOrderId"] in names)
        assert (order["symbol"], order["side"], order["price"], order["amount"]) == (SYMBOL, "buy", 70, 1)
        # All of them, since CCXT is confused by a trade of an order whose beginning it has not heard.
        await seen(watch, lambda: ann.cancel_all_orders(SYMBOL), of("canceled"))
        await seen(watch, trade, of("closed"))

    watched(secured, ann_key, scenario)


def test_who_has_no_key_watches_no_orders(secured: Stack, ann_key: Shown) -> None:
    async def scenario(pro: Client) -> None:
        with pytest.raises(ccxt.AuthenticationError):
            await pro.watch_orders(SYMBOL)

    watched(secured, ann_key._replace(secret="c2VjcmV0"), scenario)
