"""Orders of one account never trade with each other: the taker says what happens instead."""

from libs.events.events import OrderAmended, OrderDone, SelfTradePrevented
from libs.events.values import DoneReason
from tests.unit.matching.script import check, parse


def test_dc_reduces_both_by_the_smaller() -> None:
    check("""
        place  A1  ann  sell  5 @ 100        -> accepted, rests 5
        place  A2  bob  sell  5 @ 100        -> accepted, rests 5
        place  B1  ann  buy   3 @ 100 dc     -> accepted, prevented 3 with A1, done self_trade
        place  B2  ann  buy   4 @ 100        -> accepted, prevented 2 with A1, done self_trade A1,
                                                trade 2 @ 100 with A2, done filled
        book                                 -> bids - | asks 3 @ 100
    """)


def test_dc_takes_a_slice_at_a_time_and_the_next_goes_to_the_back() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 floor 2  -> accepted, rests 5
        place  A2  bob  sell  1 @ 100          -> accepted, rests 1
        place  B1  ann  buy   4 @ 100          -> accepted, prevented 2 with A1, replenished A1 2,
                                                  trade 1 @ 100 with A2, done filled A2, prevented 1 with A1,
                                                  done self_trade
        book                                   -> bids - | asks 1 @ 100
    """)


def test_co_ends_the_maker_with_what_it_hides() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 floor 2  -> accepted, rests 5
        place  A2  bob  sell  1 @ 100          -> accepted, rests 1
        place  B1  ann  buy   3 @ 100 co       -> accepted, prevented 0 with A1, done self_trade A1,
                                                  trade 1 @ 100 with A2, done filled A2, rests 2
        book                                   -> bids 2 @ 100 | asks -
    """)


def test_cn_ends_the_taker() -> None:
    check("""
        place  A1  bob  sell  1 @ 99           -> accepted, rests 1
        place  A2  ann  sell  5 @ 100          -> accepted, rests 5
        place  B1  ann  buy   3 @ 100 cn       -> accepted, trade 1 @ 99 with A1, done filled A1, prevented 0 with A2,
                                                  done self_trade
        book                                   -> bids - | asks 5 @ 100
    """)


def test_cb_ends_both_the_maker_first() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 floor 2  -> accepted, rests 5
        place  A2  bob  sell  5 @ 100          -> accepted, rests 5
        place  B1  ann  buy   3 @ 100 cb       -> accepted, prevented 0 with A1, done self_trade A1, done self_trade
        book                                   -> bids - | asks 5 @ 100
    """)


def test_only_a_reduction_is_public() -> None:
    venue = check("""
        place  A1  ann  sell  5 @ 100          -> accepted, rests 5
    """)
    sequence = venue.engine.state.products[venue.number].sequence
    for mode, is_public in (("dc", True), ("cn", False), ("cb", False)):
        events = venue.send(parse(venue, f"place {mode} ann buy 1 @ 100 {mode}"))
        assert isinstance(events[1], SelfTradePrevented)
        assert events[1].sequence == sequence + 1 + is_public
        sequence = events[-1].sequence


def test_what_is_taken_off_is_no_remainder() -> None:
    venue = check("""
        place  A1  ann  sell  5 @ 100          -> accepted, rests 5
        place  B1  bob  buy   1 @ 100          -> accepted, trade 1 @ 100 with A1, done filled
        place  B2  ann  buy   2 @ 100          -> accepted, prevented 2 with A1, done self_trade
        amend  A1  ann  size 4                 -> amended, keeps priority
        book                                   -> bids - | asks 1 @ 100
    """)
    amended, done = venue.send(parse(venue, "amend A1 ann size 2"))
    assert isinstance(amended, OrderAmended)
    assert (amended.size, amended.remaining) == (3, 0)
    assert isinstance(done, OrderDone)
    assert done.reason is DoneReason.CANCELED


def test_what_took_the_last_names_the_reason() -> None:
    check("""
        place  A1  ann  sell  1 @ 100          -> accepted, rests 1
        place  A2  bob  sell  1 @ 101          -> accepted, rests 1
        place  B1  ann  buy   2 @ 101          -> accepted, prevented 1 with A1, done self_trade A1,
                                                  trade 1 @ 101 with A2, done filled A2, done filled
        place  A3  bob  sell  1 @ 100          -> accepted, rests 1
        place  A4  ann  sell  1 @ 101          -> accepted, rests 1
        place  B2  ann  buy   2 @ 101          -> accepted, trade 1 @ 100 with A3, done filled A3, prevented 1 with A4,
                                                  done self_trade A4, done self_trade
    """)


def test_funds_are_reduced_at_the_makers_price() -> None:
    check("""
        place  A1  ann  sell  2 @ 100          -> accepted, rests 2
        place  A2  bob  sell  9 @ 150          -> accepted, rests 9
        place  B1  ann  buy   funds 350        -> accepted, prevented 2 with A1, done self_trade A1,
                                                  trade 1 @ 150 with A2, done filled
        place  A3  ann  sell  2 @ 100          -> accepted, rests 2
        place  B2  ann  buy   funds 349.9      -> accepted, prevented 2 with A3, done self_trade A3, done self_trade
        place  A4  ann  sell  2 @ 100          -> accepted, rests 2
        place  B3  ann  buy   funds 149.9 co   -> accepted, prevented 0 with A4, done self_trade A4, done filled
    """)


def test_an_amended_order_meets_its_own_as_a_taker() -> None:
    check("""
        place  A1  ann  sell  5 @ 101          -> accepted, rests 5
        place  B1  ann  buy   3 @ 100 cn       -> accepted, rests 3
        amend  B1  ann  price 101              -> amended, loses priority, prevented 0 with A1, done self_trade
        place  B2  ann  buy   3 @ 100          -> accepted, rests 3
        amend  A1  ann  price 100              -> amended, loses priority, prevented 3 with B2, done self_trade B2,
                                                  rests 2
    """)


def test_fill_or_kill_meets_its_orders_in_the_order_of_trading() -> None:
    """An own order behind what is needed is never met; a slice of another's that comes behind it is too late."""
    check("""
        place  A1  bob  sell  6 @ 100 floor 3   -> accepted, rests 6
        place  A2  ann  sell  5 @ 100           -> accepted, rests 5
        place  B1  ann  buy   4 @ 100 fok       -> accepted, done self_trade
        place  B2  ann  buy   3 @ 100 fok       -> accepted, trade 3 @ 100 with A1, replenished A1 3, done filled
        place  B3  ann  buy   3 @ 100 fok cb    -> accepted, done self_trade
        place  B4  ann  buy   4 @ 100 fok co    -> accepted, done canceled
        book                                    -> bids - | asks 8 @ 100
        place  B5  ann  buy   2 @ 100 fok co    -> accepted, prevented 0 with A2, done self_trade A2,
                                                   trade 2 @ 100 with A1, done filled
    """)


def test_fill_or_kill_takes_all_that_stands_before_its_own_order() -> None:
    check("""
        place  A1  bob  sell  3 @ 100           -> accepted, rests 3
        place  A2  cat  sell  3 @ 100           -> accepted, rests 3
        place  A3  ann  sell  3 @ 100           -> accepted, rests 3
        place  B1  ann  buy   7 @ 100 fok       -> accepted, done self_trade
        place  B2  ann  buy   6 @ 100 fok       -> accepted, trade 3 @ 100 with A1, done filled A1,
                                                   trade 3 @ 100 with A2, done filled A2, done filled
    """)
