"""Deadlines run on engine time, and before the command that brings it."""

import pytest

from libs.events.commands import PlaceOrder
from libs.events.events import CancelAllAfterArmed, DuplicateIgnored, OrderDone
from libs.matching import DeadlineFault, timing
from tests.unit.matching.script import MILLISECOND, Venue, check, parse


def test_an_order_ends_at_its_expire_time_and_not_before() -> None:
    venue = Venue()
    place = parse(venue, "place A1 ann sell 5 @ 100 gtd 2s")
    assert isinstance(place, PlaceOrder)
    venue.send(place)
    venue.now = place.expire_time - 2 * MILLISECOND
    check(
        """
        cancel A9  ann  -> rejected unknown_order
        cancel A9  ann  -> done expired A1, rejected unknown_order
    """,
        venue,
    )


def test_what_is_due_happens_before_the_command_whatever_becomes_of_it() -> None:
    venue = check("""
        place  A1  ann  sell  5 @ 100 gtd 1s    -> accepted, rests 5
        place  A2  ann  sell  5 @ 101           -> accepted, rests 5
    """)
    venue.now += 1_000_000_000
    check(
        """
        place  B1  bob  buy   1 @ 101           -> done expired A1, accepted, trade 1 @ 101 with A2, done filled
    """,
        venue,
    )


def test_its_events_name_the_command_but_no_sender() -> None:
    venue = check("place A1 ann sell 5 @ 100 gtd 1s -> accepted, rests 5")
    venue.now += 1_000_000_000
    cancel = parse(venue, "cancel A1 ann")
    expired, rejected = venue.send(cancel)
    assert isinstance(expired, OrderDone)
    assert expired.command_id == rejected.command_id == cancel.command_id
    assert (expired.account, expired.key, expired.sent) == ("", 0, 0)
    assert (rejected.account, rejected.sent) == ("ann", cancel.sent)


def test_switches_go_before_orders_and_accounts_by_name() -> None:
    venue = Venue()
    check(
        """
        place  A1  bob  sell  5 @ 100 gtd 1s    -> accepted, rests 5
        place  A2  ann  sell  5 @ 100           -> accepted, rests 5
        place  A3  cat  sell  5 @ 100           -> accepted, rests 5
    """,
        venue,
    )
    check("arm cat 996ms -> switch armed", venue)
    check("arm ann 995ms -> switch armed", venue)
    assert len(set(venue.oracle.listings.by_number[venue.number].switches.values())) == 1
    check(
        """
        advance 5s                              -> done canceled A2, switch of ann fired 1, done canceled A3,
                                                   switch of cat fired 1, done expired A1, time advanced
        """,
        venue,
    )


def test_a_switch_ends_what_would_have_expired_later() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 gtd 2s            -> accepted, rests 5
        place  S1  ann  sell  5 @ market stop 90        -> accepted, armed
        arm    ann 1s                                   -> switch armed
        advance 5s                                      -> done canceled A1, done canceled S1, switch of ann fired 2,
                                                           time advanced
        advance 5s                                      -> time advanced
    """)


def test_a_switch_is_set_anew_or_taken_away() -> None:
    check("""
        place  A1  ann  sell  5 @ 100           -> accepted, rests 5
        arm    ann 1s                           -> switch armed
        arm    ann 3s                           -> switch armed
        advance 2s                              -> time advanced
        arm    ann 0s                           -> switch disarmed
        arm    ann 0s                           -> switch disarmed
        advance 5s                              -> time advanced
        arm    ann 86400s                       -> switch armed
        arm    ann 86401s                       -> rejected invalid_timeout
        arm    ann -1s                          -> rejected invalid_timeout
    """)


def test_deadlines_run_while_halted_and_delisting_forgets_them() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 gtd 2s    -> accepted, rests 5
        status halted                           -> status halted
        arm    ann 1s                           -> switch armed
        arm    bob 9s                           -> switch armed
        advance 5s                              -> done canceled A1, switch of ann fired 1, time advanced
        delist                                  -> delisted
        advance 9s                              -> time advanced
    """)


def test_a_timeout_counts_from_engine_time() -> None:
    venue = check("advance 5s -> time advanced")
    venue.now -= 4_000_000_000
    armed = venue.send(parse(venue, "arm ann 1s"))[0]
    assert isinstance(armed, CancelAllAfterArmed)
    assert armed.deadline == armed.time + 1_000_000_000
    assert armed.time > venue.now


def test_an_expire_time_is_amended_in_place() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 gtd 2s    -> accepted, rests 5
        place  A2  bob  sell  5 @ 100           -> accepted, rests 5
        amend  A1  ann  gtd 9s                  -> amended, keeps priority
        amend  A2  bob  gtd 9s                  -> rejected invalid_order
        amend  A1  ann  gtd 0s                  -> rejected invalid_expire_time
        advance 5s                              -> time advanced
    """)


@pytest.mark.parametrize(("due", "named"), [("place A1 ann sell 5 @ 100 gtd 1s", "A1"), ("arm ann 1s", "ann")])
def test_a_deadline_that_raises_an_error_is_named(due: str, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue()
    venue.send(parse(venue, due))
    monkeypatch.setattr(timing, "_happen", lambda *_: 1 // 0)
    advance = parse(venue, "advance 2s")
    with pytest.raises(DeadlineFault) as raised:
        venue.engine.handle(advance, venue.offset + 1, venue.now)
    name = venue.ids.get(named, named)
    assert (raised.value.number, raised.value.name) == (venue.number, name)
    said = name if isinstance(name, str) else name.hex()
    assert str(raised.value) == f"product {venue.number}: the deadline of {said}"


def test_a_delisting_is_its_senders_even_if_all_that_is_left_was_due() -> None:
    venue = check("""
        place  A1  ann  sell  5 @ 100 gtd 1s    -> accepted, rests 5
        arm    ann 1s                           -> switch armed
    """)
    venue.now += 2_000_000_000
    delist = parse(venue, "delist")
    *due, delisted = venue.send(delist)
    assert len(due) == 2
    assert all(event.account == "" for event in due)
    assert (delisted.account, delisted.sent) == ("op", delist.sent)
    assert isinstance(venue.send(delist)[0], DuplicateIgnored)
