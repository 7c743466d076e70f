"""Order protection as the public sees it: no trade passes a better price that was shown, and every change of the best bid
or offer is told."""

from typing import Any

import pytest

from libs.events.events import TradeExecuted
from libs.events.values import Side
from sim.rebuilding import Gap, LevelsBook, OrdersBook
from tests.property.displayed import Displayed
from tests.unit.query_api.feed.stage import PRODUCT, FeedStage
from tests.unit.query_api.feed.test_books import ORDERS, rest
from tests.unit.read_model.traffic import Traffic

SEEDS = range(4)
COMMANDS = 1_000
SIDES = {"buy": "bids", "sell": "asks"}
Message = dict[str, Any]


def test_a_client_sees_a_trade_that_passes_a_better_price() -> None:
    book = OrdersBook(PRODUCT)
    book.begin({"sequence": 7, "bids": [], "asks": [["100.00", "1", "first"], ["101.00", "1", "second"]]})
    trade = {"type": "match", "product_id": PRODUCT, "sequence": 8, "trade_id": 1, "size": "1"}
    with pytest.raises(Gap, match="passes a better price"):
        book.take(trade | {"maker_order_id": "second", "price": "101.00"})


def test_the_rule_of_every_history_sees_it_too() -> None:
    trade = next(event for event in Traffic().run(500) if isinstance(event, TradeExecuted))
    queue = trade.number, Side.SELL if trade.taker_side is Side.BUY else Side.BUY
    better = trade.price - 1 if queue[1] is Side.SELL else trade.price + 1
    orders = {trade.maker_order_id: (queue, trade.price)}
    Displayed(dict(orders), {queue: {trade.price: 1}}).take(trade)
    with pytest.raises(AssertionError, match="shown"):
        Displayed(dict(orders), {queue: {trade.price: 1, better: 1}}).take(trade)


def best(book: LevelsBook) -> dict[str, list[str] | None]:
    """Price and size of the best level of each side."""
    return {name: next(iter(book.levels(name)), None) for name in ("bids", "asks")}


def told(ticker: Message) -> dict[str, list[str] | None]:
    """What does not exist is left out."""
    prices = {"bids": "best_bid", "asks": "best_ask"}
    return {name: [ticker[one], ticker[f"{one}_size"]] if one in ticker else None for name, one in prices.items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_trade_passes_a_better_price_and_every_change_of_the_best_is_told(seed: int) -> None:
    stage = FeedStage(seed=seed)
    client, levels, orders = stage.client(), LevelsBook(PRODUCT), OrdersBook(PRODUCT)
    greeting = client.subscribe("level2", "full", "ticker")
    for message in greeting:
        levels.take(message)
    orders.begin(rest(stage, ORDERS))
    ticker = next(message for message in greeting if message["type"] == "ticker")
    first_trades = changes = 0
    for _ in range(COMMANDS):
        before = best(levels)
        stage.go_on(1)
        messages = client.wire.read()
        for message in messages:
            levels.take(message)
            orders.take(message)  # looks at every order that is shown, at every trade
            ticker = message if message["type"] == "ticker" else ticker
        if (trade := at_once(messages)) is not None:
            first_trades += 1
            shown = before[SIDES[trade["side"]]]
            assert shown is not None
            assert trade["price"] == shown[0]
        changes += best(levels) != before
        assert told(ticker) == best(levels)
    assert orders.trades >= first_trades > COMMANDS // 20
    assert changes > COMMANDS // 10


def at_once(messages: list[Message]) -> Message | None:
    """The first trade of a command, unless the book was another one by then; its side is the maker's."""
    facts = [message for message in messages if message["type"] not in {"received", "l2update", "ticker"}]
    return facts[0] if facts and facts[0]["type"] == "match" else None
