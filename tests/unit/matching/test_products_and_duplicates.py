"""Products and their status, and what happens to what comes twice or late."""

from msgspec.structs import replace

from libs.book.window import DURATION, SECOND
from libs.events.commands import SetClusterSize
from libs.events.events import ClusterSizeChanged, CommandRejected, DuplicateIgnored, OrderRejected, ProductListed
from libs.events.ids import PARTITION_LIMIT
from libs.events.values import NO_ID, RejectReason
from libs.matching import Engine
from tests.unit.matching.script import START, Venue, check, listing, parse


def test_status_says_what_is_accepted() -> None:
    check("""
        place  A1  ann  sell  5 @ 101            -> accepted, rests 5
        status post_only                         -> status post_only
        place  B1  bob  buy   1 @ 99             -> rejected trading_status
        amend  A1  ann  size 4                   -> rejected trading_status
        place  B2  bob  buy   1 @ 99 post_only   -> accepted, rests 1
        status limit_only                        -> status limit_only
        place  B3  bob  buy   1 @ market         -> rejected trading_status
        place  B4  bob  buy   1 @ 99             -> accepted, rests 1
        status cancel_only                       -> status cancel_only
        place  B5  bob  buy   1 @ 99             -> rejected trading_status
        cancel B4  bob                           -> done canceled
        status halted                            -> status halted
        cancel B2  bob                           -> done canceled
        status delisted                          -> rejected invalid_product
        status online                            -> status online
        place  B6  bob  buy   1 @ 101            -> accepted, trade 1 @ 101 with A1, done filled
    """)


def test_limits_and_increments_of_the_product() -> None:
    check("""
        update min_size 2 max_size 10 min_notional 5000  -> updated
        place  A1  ann  sell  1 @ 1000   -> rejected below_min_size
        place  A2  ann  sell  11 @ 100   -> rejected above_max_size
        place  A3  ann  sell  4 @ 100    -> rejected below_min_notional
        place  A4  ann  sell  5 @ 100    -> accepted, rests 5
        place  A5  ann  sell  5 @ 100.2  -> rejected off_tick
        update quote_increment 10        -> updated
        amend  A4  ann  size 6           -> amended, loses priority, rests 6
        place  A6  ann  sell  6 @ 100.5  -> rejected off_tick
        update quote_increment 0         -> rejected invalid_product
        update min_size 11               -> rejected invalid_product
    """)


def test_delisting_cancels_what_rests_and_counters_go_on() -> None:
    venue = check("""
        place  A1  ann  sell  5 @ 101   -> accepted, rests 5
        place  B1  bob  buy   1 @ 101   -> accepted, trade 1 @ 101 with A1, done filled
        place  B2  bob  buy   1 @ 99    -> accepted, rests 1
        delist                          -> done delisted B2, done delisted A1, delisted
        place  B3  bob  buy   1 @ 99    -> rejected unknown_product
    """)
    sequence = venue.engine.state.tombstones["TEST"].sequence
    listed = venue.send(listing(venue.id_of("again")))[0]
    assert isinstance(listed, ProductListed)
    assert listed.sequence == sequence + 1
    assert listed.number == venue.number + 256
    assert venue.engine.state.products[listed.number].trade_id == 1


def test_a_number_says_the_partition() -> None:
    assert Engine().state.partition == 0
    listed = Engine(3).handle(listing(bytes(16)), 0, START)[0]
    assert isinstance(listed, ProductListed)
    assert listed.product.number == 256 + 3


def test_a_cluster_grows_as_far_as_numbers_go_and_never_shrinks() -> None:
    engine = Engine(2)
    (listed,) = engine.handle(listing(b"list" * 4), 0, START)
    sizes = (2, 3, 3, 2, PARTITION_LIMIT, PARTITION_LIMIT + 1)
    grown = []
    for offset, size in enumerate(sizes, 1):
        head = (bytes([offset]) * 16, "op", listed.number, NO_ID, "", 0, START, 0, None)
        (event,) = engine.handle(SetClusterSize(*head, size), offset, START)
        assert event.sequence == listed.sequence
        assert isinstance(event, ClusterSizeChanged | CommandRejected)
        grown.append(isinstance(event, ClusterSizeChanged))
    assert grown == [False, True, True, False, True, False]
    assert engine.state.cluster_size == PARTITION_LIMIT


def test_the_first_event_of_a_delisting_alone_is_its_senders() -> None:
    venue = check("place A1 ann sell 5 @ 101 -> accepted, rests 5")
    first, last = venue.send(replace(parse(venue, "delist"), key=9))
    assert (first.account, first.key) == ("op", 9)
    assert (last.account, last.key) == ("", 0)


def test_a_listing_that_names_a_product_is_refused_at_its_sequence() -> None:
    venue = check("place A1 ann sell 5 @ 101 -> accepted, rests 5")
    (refused,) = venue.send(replace(listing(venue.id_of("again")), number=venue.number))
    assert isinstance(refused, CommandRejected)
    assert refused.sequence == venue.engine.state.products[venue.number].sequence > 0


def test_a_product_is_listed_once() -> None:
    venue = Venue()
    event = venue.send(listing(venue.id_of("again")))[0]
    assert isinstance(event, CommandRejected)
    assert event.reason is RejectReason.PRODUCT_EXISTS


def test_the_same_command_is_ignored_while_it_is_remembered_and_stale_after() -> None:
    venue = Venue()
    place = parse(venue, "place A1 ann sell 5 @ 101")
    venue.send(place)
    assert isinstance(venue.send(place)[0], DuplicateIgnored)
    check("cancel A1 ann -> done canceled", venue)
    assert isinstance(venue.send(place)[0], DuplicateIgnored)
    venue.restart()
    assert isinstance(venue.send(place)[0], DuplicateIgnored)
    venue.now += (DURATION + 1) * SECOND
    late = venue.send(place)[0]
    assert isinstance(late, CommandRejected)
    assert late.reason is RejectReason.STALE


def test_an_open_order_is_known_for_ever() -> None:
    venue = Venue()
    place = parse(venue, "place A1 ann sell 5 @ 101")
    venue.send(place)
    venue.now += 2 * DURATION * SECOND
    check("place A2 ann sell 5 @ 102 -> accepted, rests 5", venue)
    assert isinstance(venue.send(place)[0], DuplicateIgnored)


def test_a_client_oid_is_taken_by_the_first() -> None:
    check("""
        place  A1  ann  sell  5 @ 101 oid x  -> accepted, rests 5
        place  A2  ann  sell  5 @ 101 oid x  -> rejected duplicate of A1
        place  A3  bob  sell  5 @ 101 oid x  -> accepted, rests 5
        cancel A1  ann                       -> done canceled
        place  A4  ann  sell  5 @ 101 oid x  -> rejected duplicate of A1
    """)


def test_a_clock_that_runs_ahead_is_refused_and_does_not_move_the_watermark() -> None:
    venue = Venue()
    ahead = parse(venue, "place A1 ann sell 5 @ 101")
    venue.now -= 6_000_000_000
    event = venue.send(ahead)[0]
    assert isinstance(event, OrderRejected)
    assert event.reason is RejectReason.CLOCK
    venue.now += 2 * DURATION * SECOND
    check("place A2 ann sell 5 @ 102 -> accepted, rests 5", venue)
