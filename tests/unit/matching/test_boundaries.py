"""The last value that is taken, and the first that is not."""

import pytest
from msgspec.structs import replace

from libs.events.commands import AnyCommand
from libs.events.events import AmendRejected, AnyEvent, CommandRejected, DuplicateIgnored, OrderRejected
from libs.events.values import MAX_INTEGER
from tests.unit.matching.script import MILLISECOND, START, Venue, check, listing, parse

SECOND = 1_000 * MILLISECOND


def reason(event: AnyEvent) -> str:
    return event.reason.name.lower() if isinstance(event, OrderRejected | AmendRejected | CommandRejected) else "taken"


def verdict(venue: Venue, said: str, **fields: object) -> str:
    command: AnyCommand = parse(venue, said)
    return reason(venue.send(replace(command, **fields))[0])


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("price", "place {} ann sell 5 @ 100"),
        ("size", "place {} ann sell 5 @ 100"),
        ("funds", "place {} ann sell funds 100"),
        ("stop_price", "place {} ann sell 5 @ market stop 100"),
        ("max_floor", "place {} ann sell 5 @ 100 floor 5"),
        ("expire_time", "place {} ann sell 5 @ 100 gtd 5s"),
    ],
)
def test_the_largest_number(field: str, said: str) -> None:
    venue = check("update quote_increment 1 -> updated")
    assert verdict(venue, said.format("A1"), **{field: MAX_INTEGER}) == "taken"
    assert verdict(venue, said.format("A2"), **{field: MAX_INTEGER + 1}) == f"invalid_{field}"


def test_the_largest_numbers_of_an_amend() -> None:
    venue = check("""
        update quote_increment 1                         -> updated
        place  A1  ann  sell  5 @ 100 gtd 5s floor 5     -> accepted, rests 5
        place  S1  ann  sell  5 @ market stop 90         -> accepted, armed
    """)
    for field in ("price", "expire_time", "max_floor", "size"):
        assert verdict(venue, "amend A1 ann", **{field: MAX_INTEGER + 1}) == f"invalid_{field}"
        assert verdict(venue, "amend A1 ann", **{field: MAX_INTEGER}) == "taken"
    assert verdict(venue, "amend S1 ann", stop_price=MAX_INTEGER + 1) == "invalid_stop_price"
    assert verdict(venue, "amend S1 ann", stop_price=MAX_INTEGER, size=1) == "taken"


@pytest.mark.parametrize(
    ("field", "least", "largest"),
    [
        ("price_scale", 0, 18),
        ("size_scale", 0, 18),
        ("quote_increment", 1, MAX_INTEGER),
        ("base_increment", 1, MAX_INTEGER),
        ("min_size", 0, MAX_INTEGER),
        ("max_size", 0, MAX_INTEGER),
        ("min_notional", 0, MAX_INTEGER),
        ("price_collar", 0, MAX_INTEGER),
        ("reference_price", 0, MAX_INTEGER),
        ("max_open_orders", 0, MAX_INTEGER),
    ],
)
def test_a_products_numbers(field: str, least: int, largest: int) -> None:
    venue = Venue()
    for at, (value, expected) in enumerate(
        ((least - 1, "invalid_product"), (largest + 1, "invalid_product"), (least, "taken"), (largest, "taken"))
    ):
        name = f"{field} {at}"
        command = replace(listing(venue.id_of(name), name), **{field: value})
        assert reason(venue.send(command)[0]) == expected, value


def test_names_of_a_product() -> None:
    venue = Venue()
    for field in ("product_id", "base_currency", "quote_currency"):
        for length, expected in ((0, "invalid_product"), (65, "invalid_product"), (1, "taken"), (64, "taken")):
            name = f"{field} {length}"
            command = replace(listing(venue.id_of(name), name), **{field: "x" * length})
            assert reason(venue.send(command)[0]) == expected, name
            if expected == "taken" and field == "product_id":
                check("advance 1s -> time advanced", venue)


def test_a_clock_may_be_five_seconds_ahead() -> None:
    venue = Venue()
    appended = venue.now + MILLISECOND
    assert verdict(venue, "cancel_all ann", sent=appended + 5 * SECOND) == "taken"
    appended = venue.now + MILLISECOND
    assert verdict(venue, "cancel_all ann", sent=appended + 5 * SECOND, number=7) == "unknown_product"
    appended = venue.now + MILLISECOND
    assert verdict(venue, "cancel_all ann", sent=appended + 5 * SECOND + 1) == "clock"


def test_what_was_sent_with_the_youngest_that_is_forgotten_is_stale() -> None:
    venue = check("cancel_all ann -> canceled 0")
    youngest = venue.now - MILLISECOND
    check("advance 130s -> time advanced", venue)
    for number, taken in ((venue.number, "taken"), (7, "unknown_product")):
        assert verdict(venue, "cancel_all ann", sent=youngest, number=number) == "stale"
        assert verdict(venue, "cancel_all ann", sent=youngest + 1, number=number) == taken
    assert verdict(Venue(), "cancel_all ann", sent=0) == "stale"


def test_a_command_is_remembered_for_two_minutes_of_whole_seconds() -> None:
    for later, kind in ((120, DuplicateIgnored), (121, CommandRejected)):
        venue = Venue()
        command = parse(venue, "cancel_all ann")
        venue.send(command)
        venue.now = START + later * SECOND
        assert isinstance(venue.send(command)[0], kind)


def test_bounds_of_a_limit_are_inside() -> None:
    venue = check("update min_size 2 max_size 4 min_notional 2000 -> updated")
    for size, price, expected in (
        (1, "200", "below_min_size"),
        (5, "100", "above_max_size"),
        (2, "99.5", "below_min_notional"),
    ):
        assert verdict(venue, f"place {size} ann sell {size} @ {price}") == expected
    for size, price in ((2, "100"), (4, "100")):
        assert verdict(venue, f"place ok{size} ann sell {size} @ {price}") == "taken"


def test_the_longest_timeout_is_a_day() -> None:
    day = 24 * 60 * 60 * SECOND
    for timeout, expected in ((day, "taken"), (day + 1, "invalid_timeout"), (-1, "invalid_timeout")):
        assert verdict(Venue(), "arm ann 1s", timeout=timeout) == expected


def test_an_open_orders_id_is_known_whenever_it_is_said_to_be_sent() -> None:
    venue = Venue()
    place = parse(venue, "place A1 ann sell 5 @ 100")
    venue.send(place)
    check("advance 130s -> time advanced", venue)
    for sent in (0, place.sent, venue.now, venue.now + 100 * SECOND):
        assert isinstance(venue.send(replace(place, sent=sent))[0], DuplicateIgnored)


def test_the_least_size_may_be_the_largest() -> None:
    check("""
        update min_size 4 max_size 4      -> updated
        update min_size 5                 -> rejected invalid_product
        update max_size 0 min_size 5      -> updated
    """)


@pytest.mark.parametrize("value", [1, MAX_INTEGER])
@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("price", "place A1 ann sell 5 @ 100 ioc"),
        ("size", "place A1 ann sell 5 @ 100 ioc"),
        ("stop_price", "place A1 ann buy 5 @ market stop 100"),
        ("price", "amend B1 bob price 100 stop 40"),
        ("stop_price", "amend B1 bob stop 100"),
    ],
)
def test_the_smallest_and_the_largest_of_what_is_no_ordinary_order(field: str, said: str, value: int) -> None:
    venue = check("""
        update quote_increment 1               -> updated
        place B1 bob sell 5 @ 200 stop 50      -> accepted, armed
    """)
    assert verdict(venue, said, **{field: value}) == "taken"


@pytest.mark.parametrize("said", ["place A1 ann sell 5 @ 101 gtd 5s", "amend B1 bob gtd 5s"])
def test_an_order_that_would_end_now_is_none(said: str) -> None:
    venue = check("place B1 bob sell 5 @ 101 gtd 5s -> accepted, rests 5")
    assert verdict(venue, said, expire_time=venue.now + MILLISECOND) == "invalid_expire_time"
    assert verdict(venue, said.replace("A1", "A2"), expire_time=venue.now + MILLISECOND + 1) == "taken"


def test_a_collar_is_exact_where_prices_are_large() -> None:
    reference = 10**18 + 3
    venue = check(f"update quote_increment 1 price_collar 100 reference_price {reference} -> updated")
    worst = reference + reference // 100
    assert verdict(venue, "place A1 ann buy 1 @ 100", price=worst + 1) == "price_collar"
    assert verdict(venue, "place A2 ann buy 1 @ 100", price=worst) == "taken"


def test_a_post_only_order_is_amended_while_nothing_else_is() -> None:
    check("""
        place  A1  ann  sell  5 @ 101 post_only  -> accepted, rests 5
        status post_only                         -> status post_only
        amend  A1  ann  size 4                   -> amended, keeps priority
    """)


@pytest.mark.parametrize("limit", ["min_size 4", "min_notional 4000"])
def test_what_ends_an_order_is_below_no_limit(limit: str) -> None:
    """Of an order that lost some of its size to self-trade prevention, too."""
    check(f"""
        update {limit}                           -> updated
        place  A1  ann  sell  10 @ 101           -> accepted, rests 10
        place  B1  ann  buy   4 @ 101            -> accepted, prevented 4 with A1, done self_trade
        amend  A1  ann  size 3                   -> amended, keeps priority, done canceled
    """)


def test_the_notional_of_an_amend() -> None:
    check("""
        update quote_increment 1 min_notional 2  -> updated
        place  A1  ann  sell  2 @ 0.1            -> accepted, rests 2
        amend  A1  ann  size 1                   -> rejected below_min_notional
        amend  A1  ann  price 0.2 size 1         -> amended, loses priority, rests 1
        place  S1  bob  buy   5 @ market stop 90 -> accepted, armed
        amend  S1  bob  size 1                   -> amended, keeps priority
    """)


@pytest.mark.parametrize("force", ["ioc", "fok"])
def test_what_acts_at_once_shows_no_slices(force: str) -> None:
    check(f"""
        place  S1  ann  sell  5 @ 90 {force} stop 95  -> accepted, armed
        amend  S1  ann  floor 2                       -> rejected invalid_order
        amend  S1  ann  size 4                        -> amended, keeps priority
    """)
