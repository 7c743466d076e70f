"""Icebergs: a slice at a time, each at the back of the level."""

from tests.unit.matching.script import check


def test_one_sweep_takes_slice_after_slice() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 floor 2  -> accepted, rests 5
        book                                   -> bids - | asks 2 @ 100
        place  B1  cat  buy   9 @ 100          -> accepted, trade 2 @ 100 with A1, replenished A1 2,
                                                  trade 2 @ 100 with A1, replenished A1 1, trade 1 @ 100 with A1,
                                                  done filled A1, rests 4
        book                                   -> bids 4 @ 100 | asks -
    """)


def test_a_taker_uses_all_it_has_and_rests_a_slice() -> None:
    check("""
        place  A1  ann  sell  5 @ 100          -> accepted, rests 5
        place  B1  cat  buy   9 @ 100 floor 1  -> accepted, trade 5 @ 100 with A1, done filled A1, rests 4
        book                                   -> bids 1 @ 100 | asks -
    """)


def test_hidden_size_counts_for_fill_or_kill() -> None:
    check("""
        place  A1  ann  sell  6 @ 100 floor 2  -> accepted, rests 6
        place  B1  cat  buy   7 @ 100 fok      -> accepted, done canceled
        place  B2  cat  buy   6 @ 100 fok      -> accepted, trade 2 @ 100 with A1, replenished A1 2,
                                                  trade 2 @ 100 with A1, replenished A1 2, trade 2 @ 100 with A1,
                                                  done filled A1, done filled
    """)


def test_a_floor_as_large_as_the_order_hides_nothing() -> None:
    check("""
        place  A1  ann  sell  5 @ 100 floor 9  -> accepted, rests 5
        book                                   -> bids - | asks 5 @ 100
    """)


def test_size_down_takes_hidden_size_first_and_keeps_the_place() -> None:
    check("""
        place  A1  ann  sell  9 @ 100 floor 3  -> accepted, rests 9
        place  A2  bob  sell  1 @ 100          -> accepted, rests 1
        place  B1  cat  buy   1 @ 100          -> accepted, trade 1 @ 100 with A1, done filled
        amend  A1  ann  size 4                 -> amended, keeps priority
        book                                   -> bids - | asks 3 @ 100
        amend  A1  ann  size 2                 -> amended, keeps priority
        book                                   -> bids - | asks 2 @ 100
        place  B2  cat  buy   2 @ 100          -> accepted, trade 1 @ 100 with A1, done filled A1,
                                                  trade 1 @ 100 with A2, done filled A2, done filled
    """)


def test_another_floor_loses_the_place_and_the_same_keeps_it() -> None:
    check("""
        place  A1  ann  sell  9 @ 100 floor 3  -> accepted, rests 9
        place  A2  bob  sell  1 @ 100          -> accepted, rests 1
        amend  A1  ann  floor 3                -> amended, keeps priority
        amend  A1  ann  floor 4                -> amended, loses priority, rests 9
        book                                   -> bids - | asks 5 @ 100
        amend  A1  ann  floor 0                -> amended, loses priority, rests 9
        book                                   -> bids - | asks 10 @ 100
    """)


def test_a_floor_is_a_number_of_lots() -> None:
    check("""
        update base_increment 2                      -> updated
        place  A1  ann  sell  8 @ 100 floor 3        -> rejected off_lot
        place  A2  ann  sell  8 @ 100 floor 2        -> accepted, rests 8
        amend  A2  ann  floor 3                      -> rejected off_lot
        place  A3  ann  sell  8 @ 100 floor 2 ioc    -> rejected invalid_order
        place  A4  ann  sell  8 @ market floor 2     -> rejected invalid_order
    """)


def test_one_has_at_most_a_thousand_slices() -> None:
    """Else a single order could be a taker's work for years."""
    check("""
        place  A1  ann  sell  2001 @ 100 floor 2     -> rejected invalid_max_floor
        place  A2  ann  sell  2000 @ 100 floor 2     -> accepted, rests 2000
        amend  A2  ann  size 2001                    -> rejected invalid_max_floor
        amend  A2  ann  floor 1                      -> rejected invalid_max_floor
        amend  A2  ann  floor 1 size 1000            -> amended, loses priority, rests 1000
        place  A3  ann  sell  5000 @ 100             -> accepted, rests 5000
        amend  A3  ann  floor 4                      -> rejected invalid_max_floor
        amend  A3  ann  size 6000                    -> amended, loses priority, rests 6000
    """)
