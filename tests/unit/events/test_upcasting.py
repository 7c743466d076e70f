"""An old form of a message, as a version that never was might have written it: read, folded, and refused when damaged."""

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import get_args

import msgspec
import pytest

from libs.book.fold import fold
from libs.book.partition import PartitionState
from libs.events import codec
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent, OrderDone, RulesChanged
from libs.events.upcasting import COMMANDS, EVENTS, Form, Upcaster, versioned
from libs.events.values import DoneReason, Side

ID = bytes(range(16))
HEADER = (5, 256, 3, 1_700_000_000_000_000_000, 7, ID, True, "ann", 11, 13)


class OrderEnded(msgspec.Struct, frozen=True, array_like=True, tag=30, tag_field="tag"):
    """Before `OrderDone`: no price, the side as a letter, and whether it was filled as a yes or no."""

    seq: int
    number: int
    sequence: int
    time: int
    command_offset: int
    command_id: bytes
    last: bool
    account: str
    key: int
    sent: int
    order_id: bytes
    side: str
    remaining: int
    was_filled: bool = False


def ended(fields: Sequence[object]) -> Form:
    """To tag 31, which named the side by number."""
    (*head, side, remaining), was_filled = fields[:13], (*fields[13:], False)[0]
    return Form(31, [*head, {"b": Side.BUY, "s": Side.SELL}.get(str(side), 0), remaining, was_filled])


def closed(fields: Sequence[object]) -> Form:
    """From tag 31 to today's `OrderDone`."""
    *head, side, remaining, was_filled = fields
    reason = DoneReason.FILLED if was_filled else DoneReason.CANCELED
    return Form(40, [*head, side, 0, remaining, reason])


OLD: dict[int, Upcaster] = {30: ended, 31: closed}
today = msgspec.msgpack.Decoder(AnyEvent).decode
decode = versioned(today, OLD)


def test_an_old_form_is_read_as_todays_through_every_version_between() -> None:
    old = msgspec.msgpack.encode(OrderEnded(*HEADER, ID, "s", 4, True))
    with pytest.raises(msgspec.ValidationError):
        today(old)
    assert decode(old) == OrderDone(*HEADER, ID, Side.SELL, 0, 4, DoneReason.FILLED)


def test_fields_that_an_older_writer_left_away_have_defaults() -> None:
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(OrderEnded(*HEADER, ID, "b", 4)))
    shorter = msgspec.msgpack.encode(fields[:-1])
    assert decode(shorter) == OrderDone(*HEADER, ID, Side.BUY, 0, 4, DoneReason.CANCELED)


def test_what_comes_out_folds() -> None:
    state = PartitionState(0)
    begun = RulesChanged(1, 0, 0, 1, -1, b"", True, "", 0, 0, 1)
    changed = versioned(today, {29: lambda fields: Form(47, fields)})
    array = msgspec.msgpack.decode(codec.encode(begun))
    fold(state, changed(msgspec.msgpack.encode([29, *array[1:]])))
    assert (state.seq, state.rules) == (1, 1)


def test_todays_messages_come_as_they_are() -> None:
    event = OrderDone(*HEADER, ID, Side.BUY, 5, 4, DoneReason.CANCELED)
    assert decode(codec.encode(event)) == event


def test_without_old_forms_it_is_todays_decoder() -> None:
    assert versioned(today, {}) is today


@pytest.mark.parametrize(
    "data",
    [
        msgspec.msgpack.encode([30]),
        msgspec.msgpack.encode([30, *HEADER, ID, "x", 4]),
        msgspec.msgpack.encode([30, *HEADER, ID, "b", "many"]),
        msgspec.msgpack.encode([28, 1, 2]),
        msgspec.msgpack.encode(["30", 1]),
        msgspec.msgpack.encode([]),
        msgspec.msgpack.encode({"tag": 30}),
        b"",
        b"\xc1",
    ],
)
def test_what_no_version_wrote_is_refused(data: bytes) -> None:
    with pytest.raises(codec.Unreadable):
        decode(data)


def test_an_upcaster_never_leads_back() -> None:
    with pytest.raises(ValueError, match="tags only grow"):
        versioned(today, {30: lambda fields: Form(30, fields)})(msgspec.msgpack.encode([30, 1]))
    with pytest.raises(ValueError, match="no tag"):
        versioned(today, {-1: ended})


@pytest.mark.parametrize(("union", "upcasters"), [(AnyEvent, EVENTS), (AnyCommand, COMMANDS)])
def test_no_upcaster_stands_for_a_tag_of_today(union: UnionType, upcasters: Mapping[int, Upcaster]) -> None:
    assert not {each.__struct_config__.tag for each in get_args(union)} & upcasters.keys()
