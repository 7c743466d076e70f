"""Ids that route themselves, decimals that are exact or refused, and messages that come back as they went."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events import codec, decimals, ids
from libs.events.commands import CancelOrder, PlaceOrder
from libs.events.events import OrderDone
from libs.events.values import MAX_INTEGER, NO_ID, DeadLetterName, DoneReason, OrderType, Side

TIME_MS = 1_700_000_000_000


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**50 - 1), st.integers(0, ids.NUMBER_LIMIT - 1))
def test_an_id_is_a_uuid_of_version_7_that_carries_its_product(milliseconds: int, bits: int, number: int) -> None:
    order_id = ids.mint(milliseconds, bits, number)
    assert len(order_id) == 16
    assert order_id[6] >> 4 == 7
    assert order_id[8] >> 6 == 2
    assert int.from_bytes(order_id[:6], "big") == milliseconds
    assert ids.number_of(order_id) == number
    assert ids.parse(ids.text(order_id)) == order_id
    assert ids.parse(order_id.hex()) == order_id


def test_every_random_bit_tells_ids_apart() -> None:
    minted = {ids.mint(TIME_MS, 1 << bit, 256) for bit in range(50)}
    assert len(minted) == 50


@pytest.mark.parametrize("text", ["", "x", "0" * 31, "0" * 33, "g" * 32, "0" * 35 + "-", "-" * 36, " " * 32])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"id|hex"):
        ids.parse(text)


def test_no_id_has_no_text() -> None:
    assert ids.text(NO_ID) == ""


def test_a_key_digest_tells_account_product_and_key_apart() -> None:
    digests = {
        ids.key_digest("ann", 256, "x"),
        ids.key_digest("ann", 256, "y"),
        ids.key_digest("ann", 512, "x"),
        ids.key_digest("bob", 256, "x"),
    }
    assert len(digests) == 4
    assert all(0 < digest < 2**64 for digest in digests)


@given(st.integers(0, MAX_INTEGER), st.integers(0, 18))
def test_decimals_go_there_and_back(value: int, scale: int) -> None:
    assert decimals.to_integer(decimals.to_text(value, scale), scale) == value


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [("1", 2, 100), ("1.5", 2, 150), ("1.500", 2, 150), ("0.00000001", 8, 1), ("007", 0, 7), ("5.0", 0, 5)],
)
def test_decimals_are_exact(text: str, scale: int, value: int) -> None:
    assert decimals.to_integer(text, scale) == value


@pytest.mark.parametrize(
    "text", ["", ".", "1.", ".5", "-1", "+1", "1e5", "NaN", "inf", " 1", "1 ", "1,5", "0x1", "1_0", "١", "1" * 41]
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(decimals.NotADecimal):
        decimals.to_integer(text, 2)
    with pytest.raises(decimals.NotADecimal):
        decimals.places(text)


def test_too_many_decimals_and_too_large_are_told_apart() -> None:
    with pytest.raises(decimals.TooManyDecimals):
        decimals.to_integer("0.001", 2)
    with pytest.raises(decimals.TooLarge):
        decimals.to_integer("9" * 30, 2)


def test_negative_amounts_have_a_text() -> None:
    assert decimals.to_text(-5, 2) == "-0.05"
    assert decimals.to_text(-5, 0) == "-5"


def test_places() -> None:
    assert [decimals.places(text) for text in ("5", "0.010", "1.0", "0.00000001")] == [0, 2, 0, 8]


def test_messages_come_back_as_they_went() -> None:
    order_id = ids.mint(TIME_MS, 1, 256)
    head = (order_id, "ann", 256, order_id, "mine", 2**64 - 1, TIME_MS, 0, DeadLetterName(3, 77))
    place = PlaceOrder(*head, Side.BUY, OrderType.LIMIT, 100, 5)
    assert codec.decode_command(codec.encode(place)) == place
    done = OrderDone(1, 256, 1, TIME_MS, 0, order_id, True, "ann", 0, 0, order_id, Side.BUY, 1, 0, DoneReason.FILLED)
    assert codec.decode_event(codec.encode(done)) == done


def test_a_field_that_a_later_version_appended_is_passed_over() -> None:
    order_id = ids.mint(TIME_MS, 1, 256)
    cancel = CancelOrder(order_id, "ann", 256, order_id, "", 0, TIME_MS, 0, None)
    later = msgspec.msgpack.encode([*msgspec.msgpack.decode(codec.encode(cancel)), "new"])
    assert codec.decode_command(later) == cancel


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_unreadable(data: bytes) -> None:
    for decode in (codec.decode_command, codec.decode_event, codec.decode_product):
        try:
            decode(data)
        except codec.Unreadable:
            continue


@given(
    st.lists(st.one_of(st.integers(-5, 2**64 - 1), st.binary(max_size=20), st.text(max_size=5), st.none()), max_size=18)
)
def test_any_array_is_a_command_or_unreadable(fields: list[object]) -> None:
    for tag in range(10):
        try:
            codec.decode_command(msgspec.msgpack.encode([tag, *fields]))
        except codec.Unreadable:
            continue
