"""Limit orders: price, then time, at the maker's price."""

from tests.unit.matching.script import check


def test_price_then_time() -> None:
    check("""
        place  A1  ann  sell  5 @ 101          -> accepted, rests 5
        place  A2  bob  sell  5 @ 100          -> accepted, rests 5
        place  B1  cat  buy   7 @ 101          -> accepted, trade 5 @ 100 with A2, done filled A2,
                                                  trade 2 @ 101 with A1, done filled
        amend  A1  ann  size 4                 -> amended, keeps priority
        book                                   -> bids - | asks 2 @ 101
    """)


def test_a_partial_fill_keeps_the_makers_place() -> None:
    check("""
        place  A1  ann  sell  5 @ 100   -> accepted, rests 5
        place  A2  bob  sell  5 @ 100   -> accepted, rests 5
        place  B1  cat  buy   2 @ 100   -> accepted, trade 2 @ 100 with A1, done filled
        place  B2  cat  buy   4 @ 100   -> accepted, trade 3 @ 100 with A1, done filled A1, trade 1 @ 100 with A2,
                                           done filled
        book                            -> bids - | asks 4 @ 100
    """)


def test_an_interior_cancel_keeps_the_queue() -> None:
    check("""
        place  A1  ann  sell  1 @ 100   -> accepted, rests 1
        place  A2  bob  sell  1 @ 100   -> accepted, rests 1
        place  A3  cat  sell  1 @ 100   -> accepted, rests 1
        cancel A2  bob                  -> done canceled
        place  B1  dan  buy   2 @ 100   -> accepted, trade 1 @ 100 with A1, done filled A1, trade 1 @ 100 with A3,
                                           done filled A3, done filled
        book                            -> bids - | asks -
    """)


def test_a_sweep_stops_at_its_limit_and_rests_there() -> None:
    check("""
        place  A1  ann  sell  1 @ 100    -> accepted, rests 1
        place  A2  bob  sell  1 @ 100.5  -> accepted, rests 1
        place  A3  cat  sell  1 @ 101    -> accepted, rests 1
        place  B1  dan  buy   5 @ 100.5  -> accepted, trade 1 @ 100 with A1, done filled A1, trade 1 @ 100.5 with A2,
                                            done filled A2, rests 3
        book                             -> bids 3 @ 100.5 | asks 1 @ 101
    """)


def test_a_sell_sweeps_bids_from_the_best() -> None:
    check("""
        place  B1  ann  buy   1 @ 99     -> accepted, rests 1
        place  B2  bob  buy   1 @ 100    -> accepted, rests 1
        place  A1  cat  sell  3 @ 99     -> accepted, trade 1 @ 100 with B2, done filled B2, trade 1 @ 99 with B1,
                                            done filled B1, rests 1
        book                             -> bids - | asks 1 @ 99
    """)


def test_immediate_or_cancel_never_rests() -> None:
    check("""
        place  A1  ann  sell  2 @ 100      -> accepted, rests 2
        place  B1  cat  buy   5 @ 100 ioc  -> accepted, trade 2 @ 100 with A1, done filled A1, done canceled
        place  B2  cat  buy   5 @ 100 ioc  -> accepted, done canceled
        book                               -> bids - | asks -
    """)


def test_fill_or_kill_decides_before_it_trades() -> None:
    check("""
        place  A1  ann  sell  2 @ 100      -> accepted, rests 2
        place  A2  ann  sell  2 @ 101      -> accepted, rests 2
        place  B1  cat  buy   5 @ 101 fok  -> accepted, done canceled
        place  B2  cat  buy   3 @ 100 fok  -> accepted, done canceled
        book                               -> bids - | asks 2 @ 100, 2 @ 101
        place  B3  cat  buy   4 @ 101 fok  -> accepted, trade 2 @ 100 with A1, done filled A1, trade 2 @ 101 with A2,
                                              done filled A2, done filled
        book                               -> bids - | asks -
    """)


def test_fill_or_kill_of_a_seller() -> None:
    check("""
        place  B1  ann  buy   2 @ 100      -> accepted, rests 2
        place  A1  cat  sell  3 @ 100 fok  -> accepted, done canceled
        place  A2  cat  sell  2 @ 99  fok  -> accepted, trade 2 @ 100 with B1, done filled B1, done filled
    """)


def test_post_only_is_rejected_where_it_would_take() -> None:
    check("""
        place  A1  ann  sell  2 @ 100            -> accepted, rests 2
        place  B1  cat  buy   1 @ 100 post_only  -> rejected post_only
        place  B2  ann  buy   1 @ 100 post_only  -> rejected post_only
        place  B3  cat  buy   1 @ 99.5 post_only -> accepted, rests 1
        place  A2  cat  sell  1 @ 99.5 post_only -> rejected post_only
        book                                     -> bids 1 @ 99.5 | asks 2 @ 100
    """)


def test_equal_decimals_are_one_level() -> None:
    check("""
        place  A1  ann  sell  2 @ 100     -> accepted, rests 2
        place  A2  ann  sell  3 @ 100.0   -> accepted, rests 3
        book                              -> bids - | asks 5 @ 100
    """)
