"""Market orders take what there is, by size or by funds, and never rest."""

from tests.unit.matching.script import check


def test_by_size() -> None:
    check("""
        place  A1  ann  sell  2 @ 100      -> accepted, rests 2
        place  A2  bob  sell  2 @ 200      -> accepted, rests 2
        place  B1  cat  buy   3 @ market   -> accepted, trade 2 @ 100 with A1, done filled A1, trade 1 @ 200 with A2,
                                              done filled
        place  B2  cat  buy   3 @ market   -> accepted, trade 1 @ 200 with A2, done filled A2, done no_liquidity
        place  B3  cat  buy   3 @ market   -> accepted, done no_liquidity
        book                               -> bids - | asks -
    """)


def test_buy_by_funds_ends_when_the_rest_buys_no_lot() -> None:
    check("""
        place  A1  ann  sell  2 @ 100     -> accepted, rests 2
        place  A2  bob  sell  2 @ 200     -> accepted, rests 2
        place  B1  cat  buy   funds 550   -> accepted, trade 2 @ 100 with A1, done filled A1, trade 1 @ 200 with A2,
                                             done filled
        place  B2  cat  buy   funds 150   -> accepted, done filled
        place  B3  cat  buy   funds 999   -> accepted, trade 1 @ 200 with A2, done filled A2, done no_liquidity
    """)


def test_sell_by_funds_raises_no_more_than_asked() -> None:
    check("""
        place  B1  ann  buy   5 @ 100     -> accepted, rests 5
        place  A1  cat  sell  funds 350   -> accepted, trade 3 @ 100 with B1, done filled
        book                              -> bids 2 @ 100 | asks -
    """)
