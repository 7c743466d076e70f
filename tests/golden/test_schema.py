"""The wire contract only grows."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.golden.schema import Field, Message, Schema, breaks, encoded, present, recorded

Change = Callable[[Schema], object]


def test_nothing_that_was_published_has_changed() -> None:
    assert list(breaks(recorded(), present())) == []


def test_what_is_new_is_recorded() -> None:
    assert encoded(present()) == encoded(recorded()), "record it: python -m tests.golden.schema"


def fields(schema: Schema) -> list[Field]:
    return schema.messages["events"][38].fields


def swap(schema: Schema) -> None:
    found = fields(schema)
    found[10], found[11] = found[11], found[10]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda schema: fields(schema).pop(), "was taker_funds: int and now is nothing"),
        (swap, "place 10 was trade_id: int and now is maker_order_id: bytes"),
        (lambda schema: fields(schema).insert(0, Field("new", "int", "0")), "place 0 was seq"),
        (lambda schema: fields(schema).append(Field("new", "int", None)), "appended without a default"),
        (lambda schema: fields(schema).__setitem__(10, Field("trade_id", "str", None)), "now is trade_id: str"),
        (lambda schema: fields(schema).__setitem__(10, Field("trade", "int", None)), "now is trade: int"),
        (lambda schema: fields(schema).__setitem__(10, Field("trade_id", "int", "7")), "the default was None"),
        (lambda schema: schema.messages["events"].pop(38), "TradeExecuted (tag 38) is gone"),
        (lambda schema: schema.messages["commands"].update({1: Message("Other", [])}), "never used again"),
        (lambda schema: schema.structs["Product"].pop(3), "Product: place 3 was base_currency"),
        (lambda schema: schema.structs.pop("Product"), "Product is gone"),
        (lambda schema: schema.words["Side"].update(BUY=2, SELL=1), "Side.BUY was 1"),
        (lambda schema: schema.words["RejectReason"].pop("STALE"), "RejectReason.STALE was 1"),
        (lambda schema: schema.words.pop("Side"), "Side.BUY was 1"),
    ],
)
def test_every_break_is_seen(change: Change, said: str) -> None:
    changed = deepcopy(present())
    change(changed)
    assert any(said in each for each in breaks(present(), changed))


def test_growth_is_no_break() -> None:
    grown = deepcopy(present())
    fields(grown).append(Field("new", "int", "0"))
    grown.messages["events"][200] = Message("Later", [])
    grown.words["Side"]["BOTH"] = 3
    assert list(breaks(present(), grown)) == []


def test_a_tag_may_go_when_an_upcaster_reads_it() -> None:
    gone = deepcopy(present())
    del gone.messages["events"][38]
    assert list(breaks(present(), gone, {"commands": frozenset(), "events": frozenset({38})})) == []
