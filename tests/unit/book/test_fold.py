"""A log that does not fit the state stops the partition, and says where."""

import pytest
from msgspec.structs import replace

from libs.book.fold import Broken, fold
from libs.events.events import AnyEvent
from libs.matching import RULES, Engine
from tests.unit.matching.script import Venue, parse


def _next() -> tuple[Venue, AnyEvent]:
    """A venue, and the first event of what a cancel would cause."""
    venue = Venue()
    venue.send(parse(venue, "place A1 ann sell 5 @ 101"))
    cancel = parse(venue, "cancel A1 ann")
    return venue, venue.engine.handle(cancel, venue.offset + 1, venue.now + 1)[0]


def test_an_event_out_of_turn() -> None:
    venue, event = _next()
    with pytest.raises(Broken, match="event 9 follows event"):
        fold(venue.folded, replace(event, seq=9))


def test_an_event_of_an_earlier_command() -> None:
    venue, event = _next()
    with pytest.raises(Broken, match="goes back from command"):
        fold(venue.folded, replace(event, command_offset=0))


def test_an_event_about_what_is_not_there() -> None:
    venue, event = _next()
    with pytest.raises(Broken, match="which is not there"):
        fold(venue.folded, replace(event, order_id=bytes(16)))


def test_other_rules_are_adopted_in_the_course_of_the_log() -> None:
    state = Venue().engine.state
    state.rules -= 1
    (adopted,) = Engine(0, state).adopt_rules()
    assert (adopted.seq, state.rules) == (state.seq, RULES)
    assert state.seq > 1


def test_adopting_the_same_rules_again_says_nothing() -> None:
    assert Venue().engine.adopt_rules() == []
