"""Changes of a dead letter: what may be changed, and how a value that does not fit is named."""

import pytest

from libs.events import ids
from libs.events.commands import AmendOrder, CancelOrder, PlaceOrder
from libs.events.values import NO_ID, DeadLetterName, OrderType, Product, Side, TimeInForce, TradingStatus
from libs.replays.edits import Unfit, edited
from libs.replays.resending import name_text, parse_name, resent

BTC = Product("BTC-USD", 257, 1, "BTC", "USD", 2, 8, 5, 1_000, TradingStatus.ONLINE)
ID = ids.mint(1, 1, 257)
PLACE = PlaceOrder(ID, "ann", 257, ID, "a-1", 7, 1, 0, None, Side.BUY, OrderType.LIMIT, 100, 10)
AMEND = AmendOrder(ID, "ann", 257, ids.mint(2, 2, 257), "", 0, 1, 0, None, 5, None)


def test_decimals_are_text_at_the_products_scales() -> None:
    found = edited(PLACE, {"price": "101.05", "size": "0.5", "funds": "1.0000000001"}, BTC)
    assert isinstance(found, PlaceOrder)
    assert (found.price, found.size, found.funds) == (10_105, 50_000_000, 10_000_000_001)
    assert (found.account, found.command_id) == ("ann", ID)


def test_words_truths_and_times() -> None:
    changes = {"time_in_force": "GTD", "side": "sell", "post_only": True, "expire_time": "5", "client_oid": "other"}
    found = edited(PLACE, changes, BTC)
    assert isinstance(found, PlaceOrder)
    assert (found.time_in_force, found.side, found.post_only) == (TimeInForce.GTD, Side.SELL, True)
    assert (found.expire_time, found.client_oid) == (5, "other")


def test_what_was_to_be_changed_may_be_left() -> None:
    found = edited(AMEND, {"price": None, "size": "1"}, BTC)
    assert isinstance(found, AmendOrder)
    assert (found.price, found.size) == (None, 100_000_000)


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"account": "bob"}, "account", "only client_oid, side"),
        ({"order_id": "00"}, "order_id", "may be changed"),
        ({"replay_of": None}, "replay_of", "may be changed"),
        ({"colour": "red"}, "colour", "may be changed"),
        ({"price": 101}, "price", "a decimal is a string"),
        ({"price": "101.055"}, "price", "decimal places"),
        ({"price": None}, "price", "Expected `int`"),
        ({"side": "up"}, "side", "none of BUY, SELL"),
        ({"post_only": "perhaps"}, "post_only", "bool"),
        ({"client_oid": "x" * 129}, "client_oid", "128"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], field: str, why: str) -> None:
    with pytest.raises(Unfit, match=why) as unfit:
        edited(PLACE, changes, BTC)
    assert unfit.value.field == field


def test_without_its_product_no_decimal_can_be_changed() -> None:
    with pytest.raises(Unfit, match="not listed any more"):
        edited(PLACE, {"price": "1"}, None)
    assert edited(PLACE, {"client_oid": "b"}, None) != PLACE


def test_names() -> None:
    assert parse_name("3:17") == DeadLetterName(3, 17)
    assert name_text(DeadLetterName(3, 17)) == "3:17"
    for text in ("", "3", ":", "3:", ":17", "3:-1", "a:1", "256:1", f"0:{1 << 63}", "3:17:1", "3:½"):
        with pytest.raises(ValueError, match=r"dead letter|no log has"):
            parse_name(text)


def test_the_id_of_a_replay_depends_on_the_replay_and_the_letter_alone() -> None:
    name = DeadLetterName(1, 5)
    first, again = resent(PLACE, name, "p1", 2_000_000, 10), resent(PLACE, name, "p1", 2_000_000, 99)
    assert first.command_id == again.command_id == first.order_id
    others = [resent(PLACE, name, "p2", 2_000_000, 10), resent(PLACE, DeadLetterName(1, 6), "p1", 2_000_000, 10)]
    assert len({first.command_id, *(other.command_id for other in others)}) == 3
    cancel = CancelOrder(ID, "ann", 257, PLACE.order_id, "", 0, 1, 3, None)
    sent = resent(cancel, name, "p1", 2_000_000, 10)
    assert (sent.order_id, sent.attempt, sent.sent, sent.replay_of) == (PLACE.order_id, 0, 10, name)
    assert sent.command_id not in {NO_ID, ID}
