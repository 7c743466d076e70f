"""Events as plain JSON values, with and without their product; and that the reference is generated from what is."""

import msgspec
import pytest

from cli.lines import line
from docs.reference.describe import openapi
from docs.reference.generate import MARKDOWN, OPENAPI, SCHEMA, markdown, schema
from libs.events.codec import Unreadable, encode
from libs.events.events import CommandDeferred, OrderAccepted, ProductListed, RulesChanged, TradeExecuted
from libs.events.ids import mint, text
from libs.events.tail import Follower, describe
from libs.events.values import (
    NO_ID,
    DeadLetterName,
    FailureCause,
    OrderTerms,
    OrderType,
    Product,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradingStatus,
)

NUMBER = 257
FIRST, SECOND = mint(1_700_000_000_000, 1, NUMBER), mint(1_700_000_000_001, 2, NUMBER)
PRODUCT = Product("BTC-USD", NUMBER, 1, "BTC", "USD", 2, 8, 1, 1, TradingStatus.ONLINE)
LISTED = ProductListed(1, NUMBER, 1, 5, 0, FIRST, True, "op", 0, 4, PRODUCT)
TRADE = TradeExecuted(
    2, NUMBER, 2, 6, 1, SECOND, True, "", 0, 0, 1, FIRST, SECOND, "ann", "bob", Side.SELL, 7_831_800, 150, 0, 0, 50, 0
)  # fmt: skip


def test_scales_are_learned_from_the_events() -> None:
    follower = Follower()
    follower.read(encode(LISTED))
    described = follower.describe(follower.read(encode(TRADE)))
    assert described["event"] == "TradeExecuted"
    assert described["product_id"] == "BTC-USD"
    assert described["price"] == "78318.00"
    assert described["size"] == "0.00000150"
    assert described["taker_remaining"] == "0.00000050"
    assert described["taker_funds"] == "0.0000000000"
    assert described["taker_side"] == "sell"
    assert described["maker_order_id"] == text(FIRST)
    assert described["trade_id"] == 1
    assert described["last"] is True


def test_a_product_of_the_registry_does_as_well() -> None:
    follower = Follower()
    follower.know(PRODUCT)
    assert follower.describe(TRADE)["price"] == "78318.00"


def test_without_its_product_numbers_stay_as_they_are() -> None:
    described = Follower().describe(TRADE)
    assert described["price"] == 7_831_800
    assert "product_id" not in described


def test_values_inside_values_are_plain_too() -> None:
    product = describe(LISTED)["product"]
    assert isinstance(product, dict)
    assert product["quote_increment"] == "0.01"
    assert product["status"] == "online"
    accepted = OrderAccepted(
        3, NUMBER, 3, 7, 2, FIRST, False, "ann", 9, 4, FIRST, "a", Side.BUY, OrderType.LIMIT, 100, 5, 0,
        TimeInForce.IOC, False, DeadLetterName(3, 77),
    )  # fmt: skip
    described = describe(accepted, PRODUCT)
    assert described["time_in_force"] == "IOC"
    assert described["replay_of"] == "3:77"
    assert describe(RulesChanged(1, 0, 0, 0, -1, NO_ID, True, "", 0, 0, 1))["command_id"] == ""


@pytest.mark.parametrize("event", [LISTED, TRADE])
def test_what_is_described_is_json(event: ProductListed | TradeExecuted) -> None:
    described = Follower().describe(event)
    assert msgspec.json.decode(msgspec.json.encode(described)) == described


def test_every_amount_of_an_order_has_its_scale() -> None:
    accepted = OrderAccepted(
        3, NUMBER, 3, 7, 2, FIRST, False, "ann", 9, 4, FIRST, "a", Side.BUY, OrderType.LIMIT, 100, 5, 0,
        TimeInForce.GTD, False, None, SelfTradePrevention.CB, 7_830_000, 2, 1_782_907_200_000_000_001,
    )  # fmt: skip
    described = describe(accepted, PRODUCT)
    assert (described["stp"], described["stop_price"], described["max_floor"]) == ("cb", "78300.00", "0.00000002")
    assert line({"event": "OrderAccepted", **described}).endswith(
        "time_in_force=GTD post_only=no stp=cb stop_price=78300.00 max_floor=0.00000002 "
        "expire_time=2026-07-01T12:00:00.000000001Z"
    )
    plain = msgspec.structs.replace(accepted, stop_price=0, max_floor=0, expire_time=0)
    assert line({"event": "OrderAccepted", **describe(plain, PRODUCT)}).endswith("post_only=no stp=cb")


def test_bytes_of_another_version_are_refused() -> None:
    with pytest.raises(Unreadable):
        Follower().read(b"\x91\xcd\x03\xe7")


def test_what_a_parked_order_asks_for_is_in_decimals_too() -> None:
    terms = OrderTerms(
        Side.BUY, OrderType.LIMIT, 7_830_000, 2, 0, TimeInForce.GTC, False, SelfTradePrevention.DC, 0, 0, 0
    )  # fmt: skip
    deferred = CommandDeferred(
        3, NUMBER, 3, 7, 2, FIRST, True, "ann", 9, 4, FIRST, "", 1, FailureCause.FAULT, 1, 1, 1, 8, FIRST, None, terms
    )
    described = describe(deferred, PRODUCT)["terms"]
    assert isinstance(described, dict)
    assert (described["price"], described["size"], described["side"]) == ("78300.00", "0.00000002", "buy")


class Stray(msgspec.Struct):
    ratio: float


def test_a_field_of_a_type_that_events_do_not_have_is_named() -> None:
    with pytest.raises(TypeError, match="ratio is of no type that events have: float"):
        describe(Stray(0.5))


def test_the_reference_is_up_to_date() -> None:
    advice = "run python -m docs.reference.generate"
    assert MARKDOWN.read_text() == markdown(), advice
    assert SCHEMA.read_bytes() == schema(), advice
    assert OPENAPI.read_bytes() == openapi(), advice
