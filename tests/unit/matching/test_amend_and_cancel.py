"""Amend in place, cancel by id, by client_oid, or all."""

from tests.unit.matching.script import check


def test_size_down_keeps_priority_and_size_up_loses_it() -> None:
    check("""
        place  A1  ann  sell  5 @ 100   -> accepted, rests 5
        place  A2  bob  sell  5 @ 100   -> accepted, rests 5
        amend  A1  ann  size 3          -> amended, keeps priority
        place  B1  cat  buy   1 @ 100   -> accepted, trade 1 @ 100 with A1, done filled
        amend  A1  ann  size 9          -> amended, loses priority, rests 8
        place  B2  cat  buy   6 @ 100   -> accepted, trade 5 @ 100 with A2, done filled A2, trade 1 @ 100 with A1,
                                           done filled
        book                            -> bids - | asks 7 @ 100
    """)


def test_a_new_price_may_trade_and_rests_what_is_left() -> None:
    check("""
        place  A1  ann  sell  5 @ 101          -> accepted, rests 5
        place  B1  cat  buy   3 @ 100          -> accepted, rests 3
        amend  A1  ann  price 100              -> amended, loses priority, trade 3 @ 100 with B1, done filled B1,
                                                  rests 2
        book                                   -> bids - | asks 2 @ 100
        place  B2  cat  buy   2 @ 99           -> accepted, rests 2
        amend  A1  ann  price 99               -> amended, loses priority, trade 2 @ 99 with B2, done filled B2,
                                                  done filled
    """)


def test_amend_after_a_partial_fill_counts_what_is_filled() -> None:
    check("""
        place  A1  ann  sell  5 @ 100   -> accepted, rests 5
        place  B1  cat  buy   3 @ 100   -> accepted, trade 3 @ 100 with A1, done filled
        amend  A1  ann  size 4          -> amended, keeps priority
        book                            -> bids - | asks 1 @ 100
        amend  A1  ann  size 2          -> amended, keeps priority, done filled
        book                            -> bids - | asks -
        amend  A1  ann  size 9          -> rejected order_done
        cancel A1  ann                  -> rejected order_done
    """)


def test_an_amend_that_is_rejected_changes_nothing() -> None:
    check("""
        place  A1  ann  sell  5 @ 101  post_only  -> accepted, rests 5
        place  B1  cat  buy   3 @ 100             -> accepted, rests 3
        amend  A1  ann  price 100                 -> rejected post_only
        amend  A1  ann  price 100.2               -> rejected off_tick
        amend  A1  ann  size 0                    -> rejected invalid_size
        amend  A1  ann                            -> rejected nothing_to_change
        amend  A1  bob  size 1                    -> rejected not_owner
        amend  A9  ann  size 1                    -> rejected unknown_order
        book                                      -> bids 3 @ 100 | asks 5 @ 101
    """)


def test_only_the_owner_cancels() -> None:
    check("""
        place  A1  ann  sell  5 @ 101 oid x  -> accepted, rests 5
        cancel A1  bob                       -> rejected not_owner
        cancel_oid x  bob                    -> rejected unknown_order
        cancel_oid x  ann                    -> done canceled
        cancel_oid x  ann                    -> rejected order_done
        cancel A9  ann                       -> rejected unknown_order
    """)


def test_cancel_all_goes_buys_then_sells_from_the_best() -> None:
    check("""
        place  A1  ann  sell  1 @ 102   -> accepted, rests 1
        place  A2  ann  sell  1 @ 101   -> accepted, rests 1
        place  B1  ann  buy   1 @ 99    -> accepted, rests 1
        place  B2  ann  buy   1 @ 100   -> accepted, rests 1
        place  B3  bob  buy   1 @ 100   -> accepted, rests 1
        cancel_all ann sell             -> done canceled A2, done canceled A1, canceled 2
        place  A3  ann  sell  1 @ 102   -> accepted, rests 1
        cancel_all ann                  -> done canceled B2, done canceled B1, done canceled A3, canceled 3
        cancel_all ann                  -> canceled 0
        book                            -> bids 1 @ 100 | asks -
    """)
