"""Commands that are put off: how they wait, in which order they are decided, and what ends them meanwhile."""

import pytest
from msgspec.structs import replace

from libs.events.events import AmendRejected, CommandDeferred, CommandRejected, CommandResumed, OrderRejected
from libs.events.values import NO_ID, FailureCause, RejectReason
from tests.unit.matching.script import check, parse


def test_a_command_that_faults_waits_and_is_decided_when_it_comes_back() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        book                             -> bids - | asks -
        back A1                          -> resumed, accepted, rests 5
        back A1                          -> duplicate ignored
        book                             -> bids - | asks 5 @ 101
    """)


def test_one_that_faults_again_is_dead() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        back A1 fault                    -> dead fault, rejected dead_lettered
        back A1                          -> duplicate ignored
        cancel A1 ann                    -> rejected order_done
    """)


def test_a_later_version_is_waited_for_three_times() -> None:
    check("""
        version place A1 ann sell 5 @ 101  -> deferred version 1
        back A1 version                    -> deferred version 2
        back A1 version                    -> deferred version 3
        back A1 version                    -> dead version, rejected dead_lettered
    """)


def test_and_decided_as_soon_as_it_can_be_read() -> None:
    check("""
        version place A1 ann sell 5 @ 101  -> deferred version 1
        back A1 version                    -> deferred version 2
        back A1                            -> resumed, accepted, rests 5
    """)


def test_a_fault_counts_for_itself() -> None:
    check("""
        version place A1 ann sell 5 @ 101  -> deferred version 1
        back A1 fault                      -> deferred fault 2
        back A1 version                    -> deferred version 3
        back A1 fault                      -> dead fault, rejected dead_lettered
    """)


def test_what_ends_the_process_or_holds_no_envelope_is_dead_at_once() -> None:
    check("""
        crash place A1 ann sell 5 @ 101  -> dead crash, rejected dead_lettered
        crash c1: cancel_all ann         -> dead crash, rejected dead_lettered
        unreadable U1                    -> dead unreadable
    """)


def test_only_the_attempt_that_is_awaited_is_looked_at() -> None:
    check("""
        version place A1 ann sell 5 @ 101  -> deferred version 1
        back A1 version                    -> deferred version 2
        back A1 1                          -> duplicate ignored
        back A1 3                          -> duplicate ignored
        back A1 2                          -> resumed, accepted, rests 5
    """)


def test_a_parked_command_that_comes_again_as_it_was_is_a_repeat() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        back A1 0                        -> duplicate ignored
        fault place A1 ann sell 5 @ 101  -> duplicate ignored
    """)


def test_a_failure_lets_time_go_by_like_any_command() -> None:
    venue = check("""
        place A1 ann sell 5 @ 101 oid x        -> accepted, rests 5
        cancel A1 ann                          -> done canceled
        fault place A2 ann sell 5 @ 101 oid x  -> rejected duplicate of A1
    """)
    venue.now += 125_000_000_000
    check("fault place A3 ann sell 5 @ 101 oid x  -> deferred fault 1", venue)


def test_only_what_is_first_and_as_it_is_awaited_is_looked_at() -> None:
    venue = check("""
        version place A1 ann sell 5 @ 101  -> deferred version 1
        f1: amend A1 ann size 4            -> deferred follower 1
    """)
    parked, first, follower = venue.engine.state.parked, venue.ids["A1"], venue.ids["f1"]
    assert [parked.awaits(first, attempt) for attempt in range(3)] == [False, True, False]
    assert not parked.awaits(venue.id_of("A9"), 1)
    assert [parked.is_first(parked[each]) for each in (first, follower)] == [True, False]


def test_its_name_and_its_key_are_in_use_while_it_waits() -> None:
    check("""
        fault place A1 ann sell 5 @ 101 oid x  -> deferred fault 1
        place A2 ann buy 5 @ 100 oid x         -> rejected duplicate of A1
        place A3 bob buy 5 @ 100 oid x         -> accepted, rests 5
        advance 125s                           -> time advanced
        place A4 ann buy 5 @ 100 oid x         -> rejected duplicate of A1
        version place A5 ann buy 5 @ 100 oid x -> rejected duplicate of A1
        back A1                                -> resumed, accepted, rests 5
        advance 125s                           -> time advanced
        place A6 ann buy 5 @ 100 oid x         -> rejected duplicate of A1
    """)


def test_order_holds_for_an_order() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        f1: amend A1 ann size 4          -> deferred follower 1
        f2: amend A1 ann size 3          -> deferred follower 1
        back f2                          -> deferred follower 1
        back f1                          -> deferred follower 1
        back A1                          -> resumed, accepted, rests 5
        f3: amend A1 ann price 102       -> deferred follower 1
        back f3                          -> deferred follower 1
        back f1                          -> resumed, amended, keeps priority
        back f2                          -> resumed, amended, keeps priority
        back f3                          -> resumed, amended, loses priority, rests 3
        amend A1 ann size 2              -> amended, keeps priority
    """)


def test_who_follows_waits_as_long_as_what_is_first() -> None:
    check("""
        version place A1 ann sell 5 @ 101   -> deferred version 1
        back A1 version                     -> deferred version 2
        f1: amend A1 ann size 4             -> deferred follower 2
        back A1 version                     -> deferred version 3
        back f1                             -> deferred follower 3
        back f1 version                     -> deferred follower 3
        back A1                             -> resumed, accepted, rests 5
        back f1 version                     -> deferred version 1
        back f1                             -> resumed, amended, keeps priority
    """)


def test_an_open_order_trades_on_while_an_amendment_of_it_waits() -> None:
    check("""
        place A1 ann sell 5 @ 101         -> accepted, rests 5
        fault f1: amend A1 ann size 4     -> deferred fault 1
        f2: amend A1 ann price 102        -> deferred follower 1
        place B1 bob buy 5 @ 101          -> accepted, trade 5 @ 101 with A1, done filled A1, done filled
        back f1                           -> resumed, rejected order_done
        back f2                           -> resumed, rejected order_done
    """)


def test_an_order_named_by_its_client_oid_is_the_one_that_had_it_then() -> None:
    check("""
        fault place A1 ann sell 5 @ 101 oid x  -> deferred fault 1
        f1: amend_oid x ann size 4             -> deferred follower 1
        back A1                                -> resumed, accepted, rests 5
        place B1 bob buy 5 @ 101               -> accepted, trade 5 @ 101 with A1, done filled A1, done filled
        advance 125s                           -> time advanced
        place A2 ann sell 5 @ 101 oid x        -> accepted, rests 5
        back f1                                -> resumed, rejected unknown_order
        fault c1: cancel_oid x ann             -> deferred fault 1
        cancel_oid x ann                       -> done canceled, rejected canceled c1
        back c1                                -> duplicate ignored
        cancel_oid x ann                       -> rejected order_done
    """)


def test_a_parked_order_has_its_name_whatever_key_the_next_one_has() -> None:
    venue = check("fault place A1 ann sell 5 @ 101 oid x  -> deferred fault 1")
    (refused,) = venue.send(replace(parse(venue, "place A2 ann sell 5 @ 101 oid x"), key=0))
    assert isinstance(refused, OrderRejected)
    assert (refused.reason, refused.first_order_id) == (RejectReason.DUPLICATE, venue.ids["A1"])


def test_an_amend_that_cannot_be_read_is_no_second_order_of_the_name() -> None:
    check("""
        place A1 ann sell 5 @ 101 oid x        -> accepted, rests 5
        version f1: amend_oid x ann size 4     -> deferred version 1
        back f1                                -> resumed, amended, keeps priority
    """)


@pytest.mark.parametrize("said", ["amend A1 ann size 4", "amend_oid x ann size 4"])
def test_what_fails_about_a_product_that_nobody_knows_waits_alone(said: str) -> None:
    venue = check("place A1 ann sell 5 @ 101 oid x -> accepted, rests 5")
    amend = replace(parse(venue, said), number=7)
    (deferred,) = venue.fail(amend, FailureCause.FAULT)
    assert isinstance(deferred, CommandDeferred)
    assert deferred.line == amend.command_id
    resumed, rejected = venue.send(replace(amend, attempt=1))
    assert isinstance(resumed, CommandResumed)
    assert isinstance(rejected, AmendRejected)
    assert rejected.reason is RejectReason.UNKNOWN_PRODUCT


def test_only_an_amend_or_a_cancel_is_about_the_order_of_its_line() -> None:
    """Whatever else comes with an order's name waits for the order, and is decided as it came."""
    venue = check("place A1 ann sell 5 @ 101 oid x -> accepted, rests 5")
    update = replace(parse(venue, "update quote_increment 0"), account="ann", client_oid="x")
    (deferred,) = venue.fail(update, FailureCause.FAULT)
    assert isinstance(deferred, CommandDeferred)
    assert deferred.line == venue.ids["A1"]
    _, rejected = venue.send(replace(update, attempt=1))
    assert isinstance(rejected, CommandRejected)
    assert (rejected.reason, rejected.order_id) == (RejectReason.INVALID_PRODUCT, NO_ID)


def test_a_stranger_gets_into_no_line() -> None:
    check("""
        place A1 ann sell 5 @ 101           -> accepted, rests 5
        version s1: amend A1 bob size 1     -> deferred version 1
        amend A1 ann size 4                 -> amended, keeps priority
        back s1                             -> resumed, rejected not_owner
        fault place A2 ann sell 5 @ 102     -> deferred fault 1
        amend A2 bob size 1                 -> rejected not_owner
        cancel A2 bob                       -> rejected not_owner
        version s2: amend A2 bob size 1     -> deferred version 1
        f1: amend A2 ann size 4             -> deferred follower 1
        back s2                             -> resumed, rejected not_owner
        back A2                             -> resumed, accepted, rests 5
        cancel A2 bob                       -> rejected not_owner
        back f1                             -> resumed, amended, keeps priority
    """)


def test_an_order_nobody_knows_makes_no_line() -> None:
    check("""
        version s1: amend X1 ann size 1  -> deferred version 1
        amend X1 ann size 2              -> rejected unknown_order
        version s2: amend X1 ann size 2  -> deferred version 1
        back s2                          -> resumed, rejected unknown_order
        back s1                          -> resumed, rejected unknown_order
    """)


def test_a_cancel_ends_a_parked_order_and_what_waits_for_it() -> None:
    check("""
        fault place A1 ann sell 5 @ 101   -> deferred fault 1
        f1: amend A1 ann size 4           -> deferred follower 1
        fault f2: cancel A1 ann           -> deferred fault 1
        cancel A1 ann                     -> rejected canceled A1, rejected canceled f1, rejected canceled f2
        back A1                           -> duplicate ignored
        back f1                           -> duplicate ignored
        advance 125s                      -> time advanced
        back f2                           -> duplicate ignored
        cancel A1 ann                     -> rejected unknown_order
    """)


def test_by_its_name_too_and_of_one_that_cannot_be_read() -> None:
    check("""
        version place A1 ann sell 5 @ 101 oid x  -> deferred version 1
        cancel_oid x ann                         -> rejected canceled A1
        place A2 ann sell 5 @ 101                -> accepted, rests 5
    """)


def test_a_cancel_ends_an_open_order_and_the_amendments_that_wait() -> None:
    check("""
        place A1 ann sell 5 @ 101      -> accepted, rests 5
        fault f1: amend A1 ann size 4  -> deferred fault 1
        cancel A1 bob                  -> rejected not_owner
        cancel A1 ann                  -> done canceled, rejected canceled f1
        book                           -> bids - | asks -
    """)


def test_what_follows_an_order_that_is_done_waits_for_its_turn() -> None:
    check("""
        place A1 ann sell 5 @ 101      -> accepted, rests 5
        fault f1: amend A1 ann size 4  -> deferred fault 1
        place B1 bob buy 5 @ 101       -> accepted, trade 5 @ 101 with A1, done filled A1, done filled
        f2: amend A1 ann size 3        -> deferred follower 1
        cancel A1 ann                  -> rejected order_done
        back f1                        -> resumed, rejected order_done
        back f2                        -> resumed, rejected order_done
    """)


def test_cancel_all_ends_parked_orders_last_and_counts_them() -> None:
    check("""
        fault place A1 ann sell 5 @ 101    -> deferred fault 1
        f1: amend A1 ann size 4            -> deferred follower 1
        place A2 ann buy 5 @ 99            -> accepted, rests 5
        fault f2: amend A2 ann size 4      -> deferred fault 1
        version place A3 ann buy 1 @ 98    -> deferred version 1
        version place B1 bob buy 1 @ 98    -> deferred version 1
        version c1: cancel_all ann         -> deferred version 1
        cancel_all ann                     -> done canceled A2, rejected canceled A1, rejected canceled f1,
                                              rejected canceled f2, rejected canceled A3, canceled 3
        back c1                            -> resumed, canceled 0
        back B1                            -> resumed, accepted, rests 1
    """)


def test_cancel_all_of_one_side_takes_what_it_cannot_read_too() -> None:
    check("""
        version place A1 ann sell 5 @ 101  -> deferred version 1
        status post_only                   -> status post_only
        fault place A2 ann sell 5 @ 101    -> deferred fault 1
        fault place A3 ann buy 5 @ 99      -> deferred fault 1
        cancel_all ann sell                -> rejected canceled A1, rejected canceled A2, canceled 2
        cancel_all bob                     -> canceled 0
        back A3                            -> resumed, rejected trading_status
    """)


def test_a_switch_ends_parked_orders_of_its_account() -> None:
    check("""
        arm ann 5s                       -> switch armed
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        fault place B1 bob sell 5 @ 101  -> deferred fault 1
        place A2 ann buy 5 @ 99          -> accepted, rests 5
        advance 5s                       -> done canceled A2, rejected canceled A1, switch of ann fired 2, time advanced
        back B1                          -> resumed, accepted, rests 5
    """)


def test_delisting_ends_whatever_is_parked_for_the_product() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        version c1: cancel_all bob       -> deferred version 1
        place B1 bob buy 5 @ 99          -> accepted, rests 5
        delist                           -> done delisted B1, rejected canceled A1, rejected canceled c1, delisted
        back A1                          -> duplicate ignored
    """)
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        delist                           -> rejected canceled A1, delisted
    """)


def test_a_deadline_that_has_passed_is_looked_at_when_it_comes_back() -> None:
    check("""
        fault place A1 ann sell 5 @ 101 gtd 5s  -> deferred fault 1
        advance 6s                              -> time advanced
        back A1                                 -> resumed, rejected invalid_expire_time
    """)


def test_deadlines_happen_before_the_next_command_and_not_with_one_that_fails() -> None:
    check("""
        place A1 ann sell 5 @ 101 gtd 1s     -> accepted, rests 5
        fault f1: amend A1 ann size 4        -> deferred fault 1
        advance 2s                           -> done expired A1, time advanced
        back f1                              -> resumed, rejected order_done
    """)


def test_a_deadline_that_faults_twice_ends_its_order_or_its_switch() -> None:
    check("""
        place A1 ann sell 5 @ 101 gtd 1s  -> accepted, rests 5
        arm ann 1s                        -> switch armed
        drop A1                           -> done dead_lettered A1
        drop switch ann                   -> switch disarmed
        advance 2s                        -> time advanced
    """)


def test_a_product_is_halted_by_three_faults_of_different_commands_within_a_minute() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        back A1 fault                    -> dead fault, rejected dead_lettered
        fault place A2 ann sell 5 @ 101  -> deferred fault 1
        advance 59s                      -> time advanced
        version place A3 ann buy 5 @ 99  -> deferred version 1
        fault place A4 ann sell 5 @ 101  -> deferred fault 1, status halted
        back A4                          -> resumed, rejected trading_status
        fault place A5 ann sell 5 @ 101  -> deferred fault 1
        fault place A6 ann sell 5 @ 101  -> deferred fault 1
        fault place A7 ann sell 5 @ 101  -> deferred fault 1
        status online                    -> status online
        fault place A8 ann sell 5 @ 101  -> deferred fault 1
        back A2                          -> resumed, accepted, rests 5
    """)


def test_faults_that_are_further_apart_halt_nothing() -> None:
    check("""
        fault place A1 ann sell 5 @ 101  -> deferred fault 1
        fault place A2 ann sell 5 @ 101  -> deferred fault 1
        advance 60s                      -> time advanced
        fault place A3 ann sell 5 @ 101  -> deferred fault 1
    """)
