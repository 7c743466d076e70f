"""The price collar, a product's limits, and how many orders an account may have open."""

from tests.unit.matching.script import check


def test_a_limit_order_may_not_cross_the_collar() -> None:
    """Five per cent around 100.0: 95.0 to 105.0."""
    check("""
        update price_collar 500 reference_price 1000  -> updated
        place  B1  ann  buy   1 @ 105.5               -> rejected price_collar
        place  B2  ann  buy   1 @ 105                 -> accepted, rests 1
        place  B3  ann  buy   1 @ 1                   -> accepted, rests 1
        place  A1  bob  sell  1 @ 94.5                -> rejected price_collar
        place  A2  bob  sell  1 @ 500                 -> accepted, rests 1
        amend  A2  bob  price 94.5                    -> rejected price_collar
        amend  A2  bob  size 3                        -> amended, loses priority, rests 3
        place  A3  bob  sell  1 @ 95                  -> accepted, trade 1 @ 105 with B2, done filled B2, done filled
    """)


def test_the_last_trade_takes_the_place_of_the_reference_price() -> None:
    check("""
        place  A1  ann  sell  1 @ 200                 -> accepted, rests 1
        place  B1  bob  buy   1 @ 200                 -> accepted, trade 1 @ 200 with A1, done filled A1, done filled
        update price_collar 500 reference_price 1000  -> updated
        place  B2  bob  buy   1 @ 210                 -> accepted, rests 1
        place  B3  bob  buy   1 @ 210.5               -> rejected price_collar
    """)


def test_without_a_trade_or_a_reference_price_there_is_no_collar() -> None:
    check("""
        update price_collar 1             -> updated
        place  A1  ann  sell  1 @ 900     -> accepted, rests 1
        place  B1  bob  buy   1 @ market  -> accepted, trade 1 @ 900 with A1, done filled A1, done filled
    """)


def test_a_market_order_ends_at_the_first_level_outside_and_its_own_trades_do_not_move_it() -> None:
    check("""
        update price_collar 500 reference_price 1000  -> updated
        place  A1  ann  sell  1 @ 104                 -> accepted, rests 1
        place  A2  ann  sell  1 @ 105.5               -> accepted, rests 1
        place  B1  bob  buy   3 @ market              -> accepted, trade 1 @ 104 with A1, done filled A1,
                                                         done price_collar
        place  B2  bob  buy   3 @ market              -> accepted, trade 1 @ 105.5 with A2, done filled A2,
                                                         done no_liquidity
    """)


def test_no_own_order_is_met_outside_the_collar() -> None:
    check("""
        update price_collar 500 reference_price 1000  -> updated
        place  A1  ann  sell  1 @ 106                 -> accepted, rests 1
        place  B1  ann  buy   3 @ market co           -> accepted, done price_collar
        place  B2  ann  buy   funds 500 co            -> accepted, done price_collar
        place  B3  ann  buy   funds 100 co            -> accepted, done filled
        book                                          -> bids - | asks 1 @ 106
    """)


def test_the_collar_of_a_stop_is_set_when_it_fires_and_a_stop_limit_has_none() -> None:
    check("""
        update price_collar 500 reference_price 1000    -> updated
        place  A1  ann  sell  1 @ 104                   -> accepted, rests 1
        place  A2  ann  sell  1 @ 109                   -> accepted, rests 1
        place  A3  ann  sell  1 @ 120                   -> accepted, rests 1
        place  S1  bob  buy   2 @ market stop 104       -> accepted, armed
        place  S2  bob  buy   1 @ 120 stop 104          -> accepted, armed
        place  B1  cat  buy   1 @ 104                   -> accepted, trade 1 @ 104 with A1, done filled A1, done filled,
                                                           triggered S1, trade 1 @ 109 with A2, done filled A2,
                                                           done price_collar S1, triggered S2, trade 1 @ 120 with A3,
                                                           done filled A3, done filled S2
    """)


def test_an_account_has_so_many_orders_open() -> None:
    check("""
        update max_open_orders 2                        -> updated
        place  A1  ann  sell  1 @ 104                   -> accepted, rests 1
        place  S1  ann  buy   1 @ market stop 110       -> accepted, armed
        place  A2  ann  sell  1 @ 105                   -> rejected too_many_orders
        place  S2  ann  buy   1 @ 99 stop 110 ioc       -> rejected too_many_orders
        place  A3  ann  sell  1 @ 105 ioc               -> accepted, done canceled
        place  A4  ann  sell  1 @ market                -> accepted, done no_liquidity
        place  A5  bob  sell  1 @ 105                   -> accepted, rests 1
        cancel S1  ann                                  -> done canceled
        place  A6  ann  sell  1 @ 105                   -> accepted, rests 1
        amend  A6  ann  size 2                          -> amended, loses priority, rests 2
    """)


def test_limits_are_asked_of_an_amend_where_something_changes_and_the_order_goes_on() -> None:
    check("""
        place  A1  ann  sell  9 @ 100                   -> accepted, rests 9
        place  B1  bob  buy   2 @ 100                   -> accepted, trade 2 @ 100 with A1, done filled
        update min_size 5 max_size 20 min_notional 5000 -> updated
        amend  A1  ann  size 4                          -> rejected below_min_size
        amend  A1  ann  size 21                         -> rejected above_max_size
        amend  A1  ann  price 50                        -> rejected below_min_notional
        amend  A1  ann  size 9                          -> amended, keeps priority
        amend  A1  ann  size 2                          -> amended, keeps priority, done filled
        place  B2  bob  buy   funds 499.9               -> rejected below_min_notional
        place  B3  bob  buy   funds 500                 -> accepted, done no_liquidity
    """)
