"""Events are read without a hole, and handed over by whole commands only."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.codec import encode
from libs.events.events import AnyEvent, RulesChanged
from libs.kafka.memory.storage import MemoryRecord
from libs.read_model.positions import Position
from services.read_model_builder.intake import BrokenLog, Intake


def event(seq: int, *, last: bool = True) -> AnyEvent:
    return RulesChanged(seq, 0, 0, 1_000 + seq, seq * 10, b"", last, "", 0, 0, 1)


def records(events: Sequence[AnyEvent], gap: int = 3) -> list[MemoryRecord]:
    """At offsets with markers between them."""
    return [MemoryRecord("order-events", 4, one.seq * gap, 0, None, encode(one), ()) for one in events]


def test_a_piece_ends_at_the_last_event_of_a_command() -> None:
    intake = Intake(Position(4))
    intake.feed(records([event(1), event(2, last=False), event(3, last=False)]))
    piece = intake.take(100)
    assert piece is not None
    assert piece.after == Position(4, 2, 4, 10, 1_001)
    assert intake.take(100) is None
    intake.feed(records([event(4)]))
    piece = intake.take(100)
    assert piece is not None
    assert [one.seq for one in piece.events] == [2, 3, 4]
    assert piece.before == Position(4, 2, 4, 10, 1_001)
    assert piece.after.next_seq == 5


def test_a_command_beyond_the_limit_is_not_cut() -> None:
    intake = Intake(Position(4))
    intake.feed(records([*(event(seq, last=False) for seq in range(1, 50)), event(50), event(51)]))
    piece = intake.take(10)
    assert piece is not None
    assert piece.after.next_seq == 51


@pytest.mark.parametrize("value", [None, b"", b"\xc1", b"\x93\x63\x01\x02", encode(event(3)), encode(event(1))])
def test_what_is_unreadable_or_out_of_order_stops_the_partition_behind_what_came_before(value: bytes | None) -> None:
    intake = Intake(Position(4))
    bad = MemoryRecord("order-events", 4, 77, 0, None, value, ())
    with pytest.raises(BrokenLog, match="order-events/4 at offset 77"):
        intake.feed([*records([event(1)]), bad, *records([event(3)])])
    piece = intake.take(100)
    assert piece is not None
    assert piece.after.next_seq == 2
    assert intake.held == 0


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 7))
def test_pieces_are_the_log_up_to_its_last_whole_command(ends: list[bool], limit: int, poll: int) -> None:
    events = [event(seq, last=last) for seq, last in enumerate(ends, 1)]
    intake = Intake(Position(4))
    taken: list[AnyEvent] = []
    for start in range(0, len(events), poll):
        intake.feed(records(events[start : start + poll]))
        while (piece := intake.take(limit)) is not None:
            assert piece.events[-1].last
            assert len(piece.events) <= limit or not any(one.last for one in piece.events[:-1])
            taken += piece.events
    whole = max((place for place, last in enumerate(ends, 1) if last), default=0)
    assert taken == events[:whole]
    assert intake.held == len(ends) - whole
