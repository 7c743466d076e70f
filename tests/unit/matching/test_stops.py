"""Stops: when they fire, in which order, and what becomes of what fires."""

from libs.events.events import OrderAccepted, OrderAmended, OrderDone, StopArmed, StopTriggered
from tests.unit.matching.script import Venue, check, parse


def test_a_buy_fires_at_or_above_and_a_sell_at_or_below() -> None:
    check("""
        place  A1  ann  sell  9 @ 100                -> accepted, rests 9
        place  S1  bob  buy   1 @ market stop 100.5  -> accepted, armed
        place  S2  bob  buy   1 @ 99 stop 100        -> accepted, armed
        place  S3  bob  sell  1 @ 101 stop 100       -> accepted, armed
        place  S4  bob  sell  1 @ 101 stop 99.5      -> accepted, armed
        place  B1  cat  buy   1 @ 100                -> accepted, trade 1 @ 100 with A1, done filled, triggered S2,
                                                        rests 1 S2, triggered S3, rests 1 S3
        book                                         -> bids 1 @ 99 | asks 8 @ 100, 1 @ 101
    """)


def test_before_the_first_trade_nothing_fires() -> None:
    check("""
        update reference_price 1000               -> updated
        place  S1  bob  buy   1 @ 99 stop 1       -> accepted, armed
        place  S2  bob  sell  1 @ 99 stop 999     -> accepted, armed
        book                                      -> bids - | asks -
    """)


def test_one_that_is_already_through_fires_at_entry() -> None:
    check("""
        place  A1  ann  sell  3 @ 100              -> accepted, rests 3
        place  B1  cat  buy   1 @ 100              -> accepted, trade 1 @ 100 with A1, done filled
        place  S1  bob  buy   1 @ 100 stop 99      -> accepted, triggered, trade 1 @ 100 with A1, done filled
        place  S2  bob  buy   2 @ 98 stop 100      -> accepted, triggered, rests 2
        place  S3  bob  buy   1 @ 98 stop 100.5    -> accepted, armed
    """)


def test_an_armed_stop_is_private_until_it_fires() -> None:
    venue = check("""
        place  A1  ann  sell  3 @ 100   -> accepted, rests 3
    """)
    book = venue.engine.state.products[venue.number]
    before = book.sequence
    for line in (
        "place S1 bob buy 1 @ market stop 100",
        "amend S1 bob size 2",
        "amend S1 bob stop 100.5",
        "cancel S1 bob",
    ):
        events = venue.send(parse(venue, line))
        assert isinstance(events[0], OrderAccepted | StopArmed | OrderAmended | OrderDone)
        assert {event.sequence for event in events} == {before}
    venue.send(parse(venue, "place B1 cat buy 1 @ 100"))
    fired = venue.send(parse(venue, "place S2 bob buy 1 @ market stop 100"))
    assert [event.sequence for event in fired[:2]] == [fired[0].sequence, fired[0].sequence + 1]
    assert isinstance(fired[1], StopTriggered)
    assert fired[-1].sequence == book.sequence > before


def test_stops_wait_until_the_taker_is_done_or_rests() -> None:
    check("""
        place  A1  ann  sell  1 @ 100              -> accepted, rests 1
        place  A2  ann  sell  1 @ 101              -> accepted, rests 1
        place  S1  bob  buy   1 @ market stop 100  -> accepted, armed
        place  B1  cat  buy   3 @ 101              -> accepted, trade 1 @ 100 with A1, done filled A1,
                                                      trade 1 @ 101 with A2, done filled A2, rests 1, triggered S1,
                                                      done no_liquidity S1
    """)


def test_what_has_joined_the_line_fires_even_if_the_price_has_come_back() -> None:
    """S1's trade at 90 lifts the price off S2's reach, but S2 was through when the command was complete."""
    check("""
        place  B1  ann  buy   1 @ 95                 -> accepted, rests 1
        place  A1  ann  sell  1 @ 105                -> accepted, rests 1
        place  A2  ann  sell  1 @ 100                -> accepted, rests 1
        place  S1  bob  sell  1 @ market stop 100    -> accepted, armed
        place  S2  bob  buy   1 @ market stop 100    -> accepted, armed
        place  C1  cat  buy   1 @ 100                -> accepted, trade 1 @ 100 with A2, done filled A2, done filled,
                                                        triggered S1, trade 1 @ 95 with B1, done filled B1,
                                                        done filled S1, triggered S2, trade 1 @ 105 with A1,
                                                        done filled A1, done filled S2
    """)


def test_who_is_through_later_joins_the_end_of_the_line() -> None:
    """S3 was armed before S2, but is through only after S1 has traded: it fires last."""
    check("""
        place  A1  ann  sell  1 @ 100                -> accepted, rests 1
        place  A2  ann  sell  9 @ 101                -> accepted, rests 9
        place  S3  bob  buy   1 @ market stop 101    -> accepted, armed
        place  S1  bob  buy   1 @ market stop 100    -> accepted, armed
        place  S2  bob  buy   1 @ market stop 100    -> accepted, armed
        place  C1  cat  buy   1 @ 100                -> accepted, trade 1 @ 100 with A1, done filled A1, done filled,
                                                        triggered S1, trade 1 @ 101 with A2, done filled S1,
                                                        triggered S2, trade 1 @ 101 with A2, done filled S2,
                                                        triggered S3, trade 1 @ 101 with A2, done filled S3
    """)


def test_a_fired_stop_limit_obeys_its_time_in_force() -> None:
    check("""
        place  A1  ann  sell  2 @ 100                    -> accepted, rests 2
        place  S1  bob  buy   5 @ 100 stop 100 ioc       -> accepted, armed
        place  S2  bob  buy   5 @ 100 stop 100 fok       -> accepted, armed
        place  S3  bob  buy   5 @ 100 stop 100 floor 2   -> accepted, armed
        place  C1  cat  buy   1 @ 100                    -> accepted, trade 1 @ 100 with A1, done filled, triggered S1,
                                                            trade 1 @ 100 with A1, done filled A1, done canceled S1,
                                                            triggered S2, done canceled S2, triggered S3, rests 5 S3
        book                                             -> bids 2 @ 100 | asks -
    """)


def test_a_market_stop_that_fires_into_limit_only_is_done() -> None:
    check("""
        place  A1  ann  sell  2 @ 100                    -> accepted, rests 2
        place  S1  bob  buy   1 @ market stop 100        -> accepted, armed
        place  S2  bob  buy   1 @ 99 stop 100            -> accepted, armed
        status limit_only                                -> status limit_only
        place  C1  cat  buy   1 @ 100                    -> accepted, trade 1 @ 100 with A1, done filled, triggered S1,
                                                            done trading_status S1, triggered S2, rests 1 S2
    """)


def test_a_new_stop_price_goes_to_the_end_of_the_arming_order() -> None:
    check("""
        place  A1  ann  sell  9 @ 100                    -> accepted, rests 9
        place  S1  bob  buy   1 @ 95 stop 100            -> accepted, armed
        place  S2  bob  buy   1 @ 95 stop 100            -> accepted, armed
        place  S3  bob  buy   1 @ 95 stop 100            -> accepted, armed
        amend  S1  bob  stop 99                          -> amended, loses priority
        amend  S2  bob  stop 100                         -> amended, keeps priority
        amend  S2  bob  size 3 price 96                  -> amended, keeps priority
        place  C1  cat  buy   1 @ 100                    -> accepted, trade 1 @ 100 with A1, done filled, triggered S2,
                                                            rests 3 S2, triggered S3, rests 1 S3, triggered S1,
                                                            rests 1 S1
    """)


def test_a_new_stop_price_that_is_through_fires_at_once() -> None:
    check("""
        place  A1  ann  sell  9 @ 100                    -> accepted, rests 9
        place  C1  cat  buy   1 @ 100                    -> accepted, trade 1 @ 100 with A1, done filled
        place  S1  bob  buy   1 @ market stop 105        -> accepted, armed
        amend  S1  bob  stop 100                         -> amended, loses priority, triggered, trade 1 @ 100 with A1,
                                                            done filled
    """)


def test_an_armed_stop_can_be_amended_and_expires() -> None:
    check("""
        place  S1  bob  buy   1 @ 95 stop 100 gtd 5s     -> accepted, armed
        amend  S1  bob  gtd 9s floor 1                   -> amended, keeps priority
        advance 6s                                       -> time advanced
        advance 3s                                       -> done expired S1, time advanced
        place  S2  bob  buy   1 @ market stop 100        -> accepted, armed
        amend  S2  bob  price 100                        -> rejected invalid_order
        amend  S2  bob  floor 1                          -> rejected invalid_order
        amend  S2  bob  stop 0                           -> rejected invalid_stop_price
        amend  S2  bob  stop 100.2                       -> rejected off_tick
        place  S3  bob  buy   funds 500 stop 100         -> accepted, armed
        amend  S3  bob  size 2                           -> rejected invalid_order
    """)


def test_cancel_all_ends_stops_last_and_in_arming_order() -> None:
    check("""
        place  S1  ann  sell  1 @ market stop 90         -> accepted, armed
        place  S2  ann  buy   1 @ market stop 110        -> accepted, armed
        place  A1  ann  sell  1 @ 105                    -> accepted, rests 1
        place  S3  ann  buy   1 @ market stop 105        -> accepted, armed
        cancel_all ann buy                               -> done canceled S2, done canceled S3, canceled 2
        cancel_all ann                                   -> done canceled A1, done canceled S1, canceled 2
    """)


def test_stops_survive_a_restart_in_their_order() -> None:
    venue = Venue()
    check(
        """
        place  A1  ann  sell  9 @ 100                    -> accepted, rests 9
        place  S1  bob  buy   1 @ 95 stop 100            -> accepted, armed
        place  S2  bob  buy   1 @ 95 stop 99             -> accepted, armed
        amend  S1  bob  stop 99.5                        -> amended, loses priority
    """,
        venue,
    )
    venue.restart()
    check(
        """
        place  C1  cat  buy   1 @ 100                    -> accepted, trade 1 @ 100 with A1, done filled, triggered S2,
                                                            rests 1 S2, triggered S1, rests 1 S1
    """,
        venue,
    )
