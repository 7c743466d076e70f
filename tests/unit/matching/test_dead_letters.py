"""Dead letters: replays act once, discarded ones never, and what dies again is told from what died first."""

import pytest
from msgspec.structs import replace

from libs.events.commands import DiscardDeadLetter
from libs.events.events import CommandRejected, OrderRejected
from libs.events.values import NO_ID, DeadLetterName, FailureCause, RejectReason
from libs.matching import failing, parking
from tests.oracle import parking as oracle
from tests.unit.matching.script import Venue, check, parse

DEAD = "crash place A1 ann sell 5 @ 101 oid x  -> dead crash, rejected dead_lettered\n"


def test_a_replay_acts_once_however_often_and_late_it_is_sent() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A1 as R1                  -> closed replayed, accepted, rests 5
        replay A1 as R1                  -> duplicate ignored
        replay A1 as R2                  -> rejected duplicate of R1
        advance 125s                     -> time advanced
        replay A1 as R3                  -> rejected duplicate of R1
        cancel R1 ann                    -> done canceled
        replay A1 as R4                  -> rejected no_dead_letter
    """)


def test_whatever_is_decided_closes_it() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        status halted                    -> status halted
        replay A1 as R1                  -> closed replayed, rejected trading_status
        status online                    -> status online
        replay A1 as R2                  -> rejected duplicate of R1
    """)


def test_other_commands_than_places_are_replayed_too() -> None:
    check("""
        place A1 ann sell 5 @ 101      -> accepted, rests 5
        crash f1: amend A1 ann size 4  -> dead crash, rejected dead_lettered
        crash f2: cancel A1 ann        -> dead crash, rejected dead_lettered
        crash f3: cancel_all ann       -> dead crash, rejected dead_lettered
        crash f4: delist               -> dead crash, rejected dead_lettered
        replay f1 as r1                -> closed replayed, amended, keeps priority
        replay f2 as r2                -> closed replayed, done canceled
        replay f3 as r3                -> closed replayed, canceled 0
        replay f4 as r4                -> closed replayed, delisted
    """)


def test_a_client_oid_is_refused_while_an_open_order_has_it_and_the_dead_letter_stays_open() -> None:
    check(f"""
        {DEAD}
        advance 125s                     -> time advanced
        place A2 ann sell 5 @ 102 oid x  -> accepted, rests 5
        replay A1 as R1                  -> rejected duplicate of A2
        cancel A2 ann                    -> done canceled
        replay A1 as R2                  -> closed replayed, accepted, rests 5
        place A3 ann sell 5 @ 102 oid x  -> rejected duplicate of A2
    """)


def test_a_replay_that_is_put_off_leaves_it_open_for_nobody_else() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A1 as R1 fault            -> deferred fault 1
        advance 125s                     -> time advanced
        replay A1 as R2                  -> rejected duplicate of R1
        back R1                          -> resumed, closed replayed, accepted, rests 5
    """)


def test_nor_under_a_key_of_its_own() -> None:
    """Who replays by hand may have sent another key than the one that all replays of a dead letter share."""
    venue = check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A1 as R1 fault            -> deferred fault 1
    """)
    again = replace(parse(venue, "place R2 ann sell 5 @ 101"), key=7, replay_of=DeadLetterName(0, venue.dead["A1"]))
    (event,) = venue.send(again)
    assert isinstance(event, OrderRejected)
    assert (event.reason, event.first_order_id) == (RejectReason.DUPLICATE, venue.ids["R1"])
    check("back R1 -> resumed, closed replayed, accepted, rests 5", venue)


def test_a_replay_follows_like_any_command() -> None:
    check("""
        crash f1: amend A1 ann size 4    -> dead crash, rejected dead_lettered
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        replay f1 as r1                  -> deferred follower 1
        back A1                          -> resumed, accepted, rests 5
        back r1                          -> resumed, closed replayed, amended, keeps priority
    """)


def test_a_replay_that_is_cancelled_while_it_waits_closes_it() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        crash f1: cancel R1 ann          -> dead crash, rejected dead_lettered
        replay A1 as R1 fault            -> deferred fault 1
        replay f1 as r2                  -> closed replayed, rejected canceled R1, closed replayed
        advance 125s                     -> time advanced
        replay A1 as R3                  -> rejected no_dead_letter
    """)


def test_what_dies_again_closes_the_old_and_carries_the_count_and_three_are_enough() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A1 as R1 crash            -> dead crash, closed died_again, rejected dead_lettered
        replay A1 as R2                  -> rejected duplicate of R1
        replay R1 as R3 fault            -> deferred fault 1
        back R3 fault                    -> dead fault, closed died_again, rejected dead_lettered
        replay R3 as R4 crash            -> dead crash, closed died_again, rejected dead_lettered
        replay R4 as R5                  -> rejected too_many_replays
        discard R4                       -> closed discarded
        advance 125s                     -> time advanced
        replay R4 as R6                  -> rejected no_dead_letter
    """)


def test_one_is_discarded_once() -> None:
    venue = check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        unreadable U1                    -> dead unreadable
        discard U1                       -> closed discarded
        discard U1                       -> rejected no_dead_letter
        fault place B1 bob buy 5 @ 99    -> deferred fault 1
        discard A1                       -> closed discarded
        discard A1                       -> rejected no_dead_letter
    """)
    assert not venue.engine.state.dead_letters


def test_a_discarded_one_takes_its_parked_replay_along() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A1 as R1 fault            -> deferred fault 1
        crash place A2 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A2 as R2 fault            -> deferred fault 1
        discard A1                       -> closed discarded
        discard A2                       -> closed discarded
        back R1                          -> resumed, rejected no_dead_letter
        back R2 fault                    -> resumed, rejected no_dead_letter
    """)
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        replay A1 as R1 fault            -> deferred fault 1
        discard A1                       -> closed discarded
        cancel R1 ann                    -> rejected canceled R1
    """)


def test_a_dead_letter_of_another_partition_is_none_here() -> None:
    venue = check(DEAD)
    foreign = DeadLetterName(1, venue.dead["A1"])
    place = replace(parse(venue, "place A2 ann sell 5 @ 101"), replay_of=foreign)
    (event,) = venue.send(place)
    assert isinstance(event, OrderRejected)
    assert event.reason is RejectReason.NO_DEAD_LETTER
    head = (venue.id_of("d1"), "op", venue.number, NO_ID, "", 0, venue.now, 0, None)
    (refused,) = venue.send(DiscardDeadLetter(*head, foreign))
    assert isinstance(refused, CommandRejected)
    assert refused.reason is RejectReason.NO_DEAD_LETTER
    assert venue.engine.state.dead_letters


def test_a_full_partition_takes_no_follower_and_what_fails_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (parking, oracle):
        monkeypatch.setattr(module, "PARKED_LIMIT", 3)
    check("""
        fault place A1 ann sell 5 @ 101    -> deferred fault 1
        f1: amend A1 ann size 4            -> deferred follower 1
        version place A2 ann sell 5 @ 101  -> deferred version 1
        amend A1 ann size 3                -> rejected too_many_parked
        version place A3 ann sell 5 @ 101  -> dead version, rejected dead_lettered
        back f1                            -> deferred follower 1
        back A1                            -> resumed, accepted, rests 5
        amend A1 ann size 3                -> deferred follower 1
    """)


def test_a_full_line_takes_no_follower(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (parking, oracle):
        monkeypatch.setattr(module, "LINE_LIMIT", 2)
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        f1: amend A1 ann size 4          -> deferred follower 1
        f2: amend A1 ann size 3          -> rejected too_many_parked
        crash f3: amend A1 ann size 2    -> dead crash, rejected dead_lettered
        back f1 0                        -> duplicate ignored
        back f1 crash                    -> dead crash, rejected dead_lettered
        place B1 bob sell 5 @ 101        -> accepted, rests 5
        back A1                          -> resumed, accepted, rests 5
    """)


def test_what_fails_in_a_full_line_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (parking, oracle):
        monkeypatch.setattr(module, "LINE_LIMIT", 2)
    check("""
        fault place A1 ann sell 5 @ 101      -> deferred fault 1
        version f1: amend A1 ann size 4      -> deferred version 1
        version f2: amend A1 ann size 3      -> dead version, rejected dead_lettered
        version place A2 ann sell 5 @ 101    -> deferred version 1
    """)


def test_a_replay_that_fails_is_refused_like_any() -> None:
    check("""
        place B1 bob sell 5 @ 101        -> accepted, rests 5
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        discard A1                       -> closed discarded
        replay A1 as R1 fault            -> rejected no_dead_letter
    """)


def test_the_oldest_makes_room_for_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "OPEN_LIMIT", 2)
    monkeypatch.setattr(oracle, "OPEN_LIMIT", 2)
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        crash place A2 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        crash place A3 ann sell 5 @ 101  -> dead crash, closed crowded_out, rejected dead_lettered
        replay A1 as R1                  -> rejected no_dead_letter
        replay A2 as R2 crash            -> dead crash, closed died_again, rejected dead_lettered
        replay A3 as R3                  -> closed replayed, accepted, rests 5
    """)


@pytest.mark.parametrize("cause", [FailureCause.FOLLOWER, FailureCause.UNREADABLE])
def test_only_a_failure_fails(cause: FailureCause) -> None:
    venue = Venue()
    with pytest.raises(ValueError, match="is not how PlaceOrder fail"):
        venue.engine.fail(parse(venue, "place A1 ann sell 5 @ 101"), 1, venue.now, cause)


def test_bytes_without_an_envelope_fail_in_one_way() -> None:
    venue = Venue()
    with pytest.raises(ValueError, match="FAULT is not how bytes fail"):
        venue.engine.fail(None, 1, venue.now, FailureCause.FAULT)
