"""Faults that other engines are known for, each with the scenario that shows it."""

import sys

import pytest

from libs.events.events import OrderRejected, StopTriggered, TradeExecuted
from libs.events.values import RejectReason
from tests.unit.matching.script import Venue, check, parse


def test_a_trade_at_the_aggressors_price() -> None:
    check("""
        place  A1  ann  sell  5 @ 100   -> accepted, rests 5
        place  B1  bob  buy   2 @ 105   -> accepted, trade 2 @ 100 with A1, done filled
        place  B2  bob  buy   5 @ 99    -> accepted, rests 5
        place  A2  ann  sell  1 @ 90    -> accepted, trade 1 @ 99 with B2, done filled
    """)


def test_a_partial_fill_that_costs_the_maker_its_place() -> None:
    check("""
        place  A1  ann  sell  5 @ 100   -> accepted, rests 5
        place  A2  bob  sell  5 @ 100   -> accepted, rests 5
        place  B1  cat  buy   1 @ 100   -> accepted, trade 1 @ 100 with A1, done filled
        place  B2  cat  buy   1 @ 100   -> accepted, trade 1 @ 100 with A1, done filled
    """)


def test_an_interior_cancel_that_breaks_the_queue() -> None:
    check("""
        place  A1  ann  sell  1 @ 100   -> accepted, rests 1
        place  A2  bob  sell  1 @ 100   -> accepted, rests 1
        place  A3  dan  sell  1 @ 100   -> accepted, rests 1
        place  A4  eve  sell  1 @ 100   -> accepted, rests 1
        cancel A2  bob                  -> done canceled
        cancel A3  dan                  -> done canceled
        place  A5  bob  sell  1 @ 100   -> accepted, rests 1
        place  B1  cat  buy   2 @ 100   -> accepted, trade 1 @ 100 with A1, done filled A1, trade 1 @ 100 with A4,
                                           done filled A4, done filled
        book                            -> bids - | asks 1 @ 100
    """)


def test_a_sweep_that_ignores_its_limit() -> None:
    check("""
        place  B1  ann  buy   1 @ 100   -> accepted, rests 1
        place  B2  ann  buy   1 @ 99    -> accepted, rests 1
        place  B3  ann  buy   1 @ 98    -> accepted, rests 1
        place  A1  bob  sell  9 @ 99    -> accepted, trade 1 @ 100 with B1, done filled B1, trade 1 @ 99 with B2,
                                           done filled B2, rests 7
        book                            -> bids 1 @ 98 | asks 7 @ 99
    """)


def test_a_level_whose_volume_drifts() -> None:
    """Fills, amends up and down, reductions, slices and cancels, and the level is what its orders show."""
    check("""
        place  A1  ann  sell  9 @ 100 floor 4  -> accepted, rests 9
        place  A2  bob  sell  5 @ 100          -> accepted, rests 5
        book                                   -> bids - | asks 9 @ 100
        place  B1  cat  buy   1 @ 100          -> accepted, trade 1 @ 100 with A1, done filled
        amend  A2  bob  size 3                 -> amended, keeps priority
        book                                   -> bids - | asks 6 @ 100
        place  B2  ann  buy   3 @ 100          -> accepted, prevented 3 with A1, replenished A1 4, done self_trade
        book                                   -> bids - | asks 7 @ 100
        amend  A2  bob  size 4                 -> amended, loses priority, rests 4
        book                                   -> bids - | asks 8 @ 100
        amend  A1  ann  size 6                 -> amended, keeps priority
        book                                   -> bids - | asks 6 @ 100
        cancel A2  bob                         -> done canceled
        book                                   -> bids - | asks 2 @ 100
        place  B3  cat  buy   2 @ 100          -> accepted, trade 2 @ 100 with A1, done filled A1, done filled
        book                                   -> bids - | asks -
    """)


def test_a_filled_order_that_stays_in_the_index() -> None:
    venue = check("""
        place  A1  ann  sell  1 @ 100 oid x  -> accepted, rests 1
        place  B1  bob  buy   1 @ 100        -> accepted, trade 1 @ 100 with A1, done filled A1, done filled
        cancel A1  ann                       -> rejected order_done
        cancel_oid x  ann                    -> rejected order_done
        amend  A1  ann  size 5               -> rejected order_done
        cancel_all ann                       -> canceled 0
    """)
    assert not venue.engine.state.products[venue.number].orders


def test_a_fill_or_kill_that_trades_before_it_knows() -> None:
    check("""
        place  A1  ann  sell  2 @ 100        -> accepted, rests 2
        place  A2  bob  sell  9 @ 101        -> accepted, rests 9
        place  B1  cat  buy   3 @ 100 fok    -> accepted, done canceled
        book                                 -> bids - | asks 2 @ 100, 9 @ 101
    """)


def test_a_fill_or_kill_that_counts_what_self_trade_prevention_removes() -> None:
    check("""
        place  A1  ann  sell  2 @ 100        -> accepted, rests 2
        place  A2  cat  sell  2 @ 100        -> accepted, rests 2
        place  A3  ann  sell  2 @ 100        -> accepted, rests 2
        place  B1  cat  buy   4 @ 100 fok    -> accepted, done self_trade
        place  B2  cat  buy   5 @ 100 fok co -> accepted, done canceled
        book                                 -> bids - | asks 6 @ 100
        place  B3  cat  buy   4 @ 100 fok co -> accepted, trade 2 @ 100 with A1, done filled A1, prevented 0 with A2,
                                                done self_trade A2, trade 2 @ 100 with A3, done filled A3, done filled
    """)


def test_a_post_only_order_that_rests_crossed_against_ones_own() -> None:
    check("""
        place  A1  ann  sell  2 @ 100              -> accepted, rests 2
        place  B1  ann  buy   2 @ 100 post_only co -> rejected post_only
        place  B2  ann  buy   2 @ 99 post_only     -> accepted, rests 2
        amend  B2  ann  price 100                  -> rejected post_only
        book                                       -> bids 2 @ 99 | asks 2 @ 100
    """)


def test_an_amend_after_a_partial_fill_that_rests_too_much() -> None:
    check("""
        place  A1  ann  sell  5 @ 100   -> accepted, rests 5
        place  B1  bob  buy   2 @ 100   -> accepted, trade 2 @ 100 with A1, done filled
        amend  A1  ann  size 7          -> amended, loses priority, rests 5
        amend  A1  ann  price 101       -> amended, loses priority, rests 5
        book                            -> bids - | asks 5 @ 101
    """)


def test_an_amend_that_crosses_and_rests() -> None:
    check("""
        place  A1  ann  sell  5 @ 101   -> accepted, rests 5
        place  B1  bob  buy   3 @ 100   -> accepted, rests 3
        amend  A1  ann  price 99        -> amended, loses priority, trade 3 @ 100 with B1, done filled B1, rests 2
        book                            -> bids - | asks 2 @ 99
    """)


def test_an_amend_of_a_done_order_that_is_acknowledged() -> None:
    check("""
        place  A1  ann  sell  5 @ 101          -> accepted, rests 5
        cancel A1  ann                         -> done canceled
        amend  A1  ann  size 3                 -> rejected order_done
        place  B1  ann  buy   5 @ 100 ioc      -> accepted, done canceled
        amend  B1  ann  size 3                 -> rejected order_done
    """)


def test_a_size_up_that_keeps_priority() -> None:
    check("""
        place  A1  ann  sell  1 @ 100   -> accepted, rests 1
        place  A2  bob  sell  1 @ 100   -> accepted, rests 1
        amend  A1  ann  size 2          -> amended, loses priority, rests 2
        place  B1  cat  buy   1 @ 100   -> accepted, trade 1 @ 100 with A2, done filled A2, done filled
    """)


def test_a_stop_that_fires_one_command_late() -> None:
    check("""
        place  A1  ann  sell  1 @ 100                -> accepted, rests 1
        place  A2  ann  sell  1 @ 101                -> accepted, rests 1
        place  S1  bob  buy   1 @ market stop 100    -> accepted, armed
        place  B1  cat  buy   1 @ 100                -> accepted, trade 1 @ 100 with A1, done filled A1, done filled,
                                                        triggered S1, trade 1 @ 101 with A2, done filled A2,
                                                        done filled S1
    """)


def test_a_stop_that_fires_twice() -> None:
    check("""
        place  A1  ann  sell  9 @ 100                -> accepted, rests 9
        place  S1  bob  buy   1 @ 100 stop 100       -> accepted, armed
        place  B1  cat  buy   1 @ 100                -> accepted, trade 1 @ 100 with A1, done filled, triggered S1,
                                                        trade 1 @ 100 with A1, done filled S1
        place  B2  cat  buy   1 @ 100                -> accepted, trade 1 @ 100 with A1, done filled
        cancel S1  bob                               -> rejected order_done
    """)


@pytest.mark.parametrize("stops", [2, 40])
def test_stops_that_fire_in_hash_order(stops: int) -> None:
    """Those of equal and of unlike stop prices alike fire in the order in which they were armed."""
    venue = check("place  A1  ann  sell  999 @ 100  -> accepted, rests 999")
    names = [f"S{at * 7919 % 1009}" for at in range(stops)]
    for at, name in enumerate(names):
        check(f"place {name} bob buy 1 @ market stop {90 + at * 3 % 11} -> accepted, armed", venue)
    events = venue.send(parse(venue, "place B1 cat buy 1 @ 100"))
    fired = [venue.names[event.order_id] for event in events if isinstance(event, StopTriggered)]
    assert fired == names


def test_a_stop_that_cannot_be_cancelled_before_it_fires() -> None:
    check("""
        place  A1  ann  sell  9 @ 100                   -> accepted, rests 9
        place  S1  bob  buy   1 @ market stop 100 oid s -> accepted, armed
        place  S2  bob  buy   1 @ market stop 100       -> accepted, armed
        cancel_oid s bob                                -> done canceled
        cancel_all bob                                  -> done canceled S2, canceled 1
        place  B1  cat  buy   1 @ 100                   -> accepted, trade 1 @ 100 with A1, done filled
    """)


def test_a_cascade_deeper_than_the_recursion_limit() -> None:
    """Each stop's trade fires the next one."""
    depth = sys.getrecursionlimit() + 500
    venue = Venue()
    venue.checks_state = False
    for at in range(depth):
        venue.send(parse(venue, f"place A{at} ann sell 1 @ {100 + at}"))
        venue.send(parse(venue, f"place S{at} bob buy 1 @ market stop {100 + at}"))
    venue.checks_state = True
    events = venue.send(parse(venue, "place B1 cat buy 1 @ 100"))
    assert sum(isinstance(event, StopTriggered) for event in events) == depth
    assert sum(isinstance(event, TradeExecuted) for event in events) == depth


def test_an_iceberg_whose_hidden_size_trades_out_of_turn() -> None:
    check("""
        place  A1  ann  sell  6 @ 100 floor 2  -> accepted, rests 6
        place  A2  bob  sell  2 @ 100          -> accepted, rests 2
        place  B1  cat  buy   5 @ 100          -> accepted, trade 2 @ 100 with A1, replenished A1 2,
                                                  trade 2 @ 100 with A2, done filled A2, trade 1 @ 100 with A1,
                                                  done filled
        place  A3  bob  sell  2 @ 100          -> accepted, rests 2
        place  B2  cat  buy   2 @ 100          -> accepted, trade 1 @ 100 with A1, replenished A1 2,
                                                  trade 1 @ 100 with A3, done filled
    """)


def test_funds_that_round_into_a_free_trade_or_an_endless_loop() -> None:
    check("""
        place  A1  ann  sell  5 @ 100    -> accepted, rests 5
        place  B1  bob  buy   funds 99.9 -> accepted, done filled
        place  B2  bob  buy   funds 0.1  -> accepted, done filled
        place  B3  bob  buy   funds 250  -> accepted, trade 2 @ 100 with A1, done filled
        update base_increment 2          -> updated
        place  B4  bob  buy   funds 150  -> accepted, done filled
        place  B5  bob  buy   funds 0    -> rejected invalid_size
        book                             -> bids - | asks 3 @ 100
    """)


def test_equal_decimals_as_different_levels() -> None:
    check("""
        place  A1  ann  sell  2 @ 100.50  -> accepted, rests 2
        place  A2  bob  sell  3 @ 100.5   -> accepted, rests 3
        book                              -> bids - | asks 5 @ 100.5
        place  B1  cat  buy   3 @ 100.500 -> accepted, trade 2 @ 100.5 with A1, done filled A1, trade 1 @ 100.5 with A2,
                                             done filled
    """)


def test_an_expiry_that_depends_on_the_wall_clock() -> None:
    """Engine time never runs back: a clock that steps back brings nothing back and ends nothing late."""
    venue = check("""
        place  A1  ann  sell  1 @ 100 gtd 2s  -> accepted, rests 1
        place  A2  ann  sell  1 @ 101 gtd 9s  -> accepted, rests 1
        advance 3s                            -> done expired A1, time advanced
    """)
    venue.now -= 5_000_000_000
    check(
        """
        cancel A1  ann                        -> rejected order_done
        place  A3  ann  sell  1 @ 100 gtd 4s  -> rejected invalid_expire_time
        advance 4s                            -> time advanced
        advance 10s                           -> done expired A2, time advanced
    """,
        venue,
    )


def test_a_duplicate_id_that_matches_first_and_is_rejected_afterwards() -> None:
    venue = Venue()
    check("place A1 ann sell 5 @ 100 -> accepted, rests 5", venue)
    taker = parse(venue, "place B1 bob buy 2 @ 100 oid x")
    venue.send(taker)
    traded = venue.engine.state.products[venue.number].trade_id
    venue.send(taker)
    check("place B2 bob buy 2 @ 100 oid x -> rejected duplicate of B1", venue)
    assert venue.engine.state.products[venue.number].trade_id == traded == 1
    check("book -> bids - | asks 3 @ 100", venue)


def test_ids_that_can_never_be_used_again() -> None:
    """A client_oid is free when its order is done and forgotten, and not before."""
    venue = check("""
        place  A1  ann  sell  5 @ 100 oid x  -> accepted, rests 5
        advance 130s                         -> time advanced
        place  A2  ann  sell  5 @ 100 oid x  -> rejected duplicate of A1
        cancel A1  ann                       -> done canceled
    """)
    place = parse(venue, "place A3 ann sell 5 @ 100 oid x")
    assert not isinstance(venue.send(place)[0], OrderRejected)


def test_ids_that_leak_memory() -> None:
    """What is done and forgotten is nowhere."""
    venue = check("""
        place  A1  ann  sell  5 @ 100 oid x  -> accepted, rests 5
        place  B1  bob  buy   5 @ 100 oid y  -> accepted, trade 5 @ 100 with A1, done filled A1, done filled
        advance 130s                         -> time advanced
        cancel A1  ann                       -> rejected unknown_order
        cancel_oid y  bob                    -> rejected unknown_order
    """)
    book = venue.engine.state.products[venue.number]
    assert not book.orders
    assert not book.accounts
    late = venue.send(parse(venue, "place A2 ann sell 5 @ 100 oid x"))[0]
    assert not isinstance(late, OrderRejected) or late.reason is not RejectReason.DUPLICATE
