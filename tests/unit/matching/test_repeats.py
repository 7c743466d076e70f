"""What comes again under an id or a key that an open order has, long after its command was forgotten; and what is late."""

import pytest
from msgspec.structs import replace

from libs.book.window import CLOCK_LEAD, DURATION, SECOND, Window
from libs.events.codec import decode_envelope, encode
from libs.events.commands import AdvanceTime, CancelAllOrders, ListProduct, PlaceOrder
from libs.events.events import (
    AmendRejected,
    AnyEvent,
    CancelAllDone,
    CancelRejected,
    CommandRejected,
    DuplicateIgnored,
    OrderDone,
    OrderRejected,
    TimeAdvanced,
)
from libs.events.ids import NUMBER_LIMIT, PARTITION_LIMIT
from libs.events.values import NO_ID, FailureCause, RejectReason
from libs.matching import Engine
from tests.unit.matching.script import MILLISECOND, START, Venue, check, parse
from tests.unit.matching.script_commands import listing

KEY = 77
KINDS: dict[str, type[AnyEvent]] = {
    "place {} ann sell 5 @ 103": OrderRejected,
    "amend A1 ann size 4": AmendRejected,
    "cancel A1 ann": CancelRejected,
    "cancel_all ann": CommandRejected,
}
"""What refuses a command. An order that cannot be read is a command like any other."""
whether_or_not_another_waits = pytest.mark.parametrize("waits", [False, True])
"""The engine asks in another way while a command is parked."""


def _forgotten(waits: bool) -> tuple[Venue, PlaceOrder]:
    """A venue in which an order is open that came with a key, and no client_oid."""
    venue = Venue()
    placed = parse(venue, "place A1 ann sell 5 @ 101")
    assert isinstance(placed, PlaceOrder)
    placed = replace(placed, key=KEY)
    venue.send(placed)
    venue.now += 2 * DURATION * SECOND
    venue.send(parse(venue, "place B1 bob sell 5 @ 102"))
    if waits:
        check("fault place P1 cat sell 1 @ 109 -> deferred fault 1", venue)
    return venue, placed


def _reason(events: list[AnyEvent]) -> tuple[RejectReason, bytes]:
    (event,) = events
    assert isinstance(event, OrderRejected | AmendRejected | CancelRejected | CommandRejected)
    return event.reason, event.first_order_id


@whether_or_not_another_waits
def test_an_open_orders_id_is_known_whenever_it_is_sent(waits: bool) -> None:
    venue, placed = _forgotten(waits)
    assert isinstance(venue.send(placed)[0], DuplicateIgnored)
    assert isinstance(venue.send(replace(placed, sent=venue.now))[0], DuplicateIgnored)


@whether_or_not_another_waits
def test_an_open_orders_key_is_used_up_for_every_command(waits: bool) -> None:
    venue, placed = _forgotten(waits)
    first = RejectReason.DUPLICATE, placed.order_id
    for said, kind in KINDS.items():
        (event,) = venue.send(replace(parse(venue, said.format("A2")), key=KEY))
        assert isinstance(event, kind)
        assert _reason([event]) == first
        unread = decode_envelope(encode(replace(parse(venue, said.format("A3")), key=KEY)))
        (event,) = venue.fail(unread, FailureCause.VERSION)
        assert isinstance(event, CommandRejected if kind is OrderRejected else kind)
        assert _reason([event]) == first
    assert _reason(venue.send(AdvanceTime(b"a" * 16, "ann", venue.number, NO_ID, "", KEY, venue.now, 0, None))) == first


@whether_or_not_another_waits
def test_what_is_late_or_ahead_is_refused(waits: bool) -> None:
    venue, placed = _forgotten(waits)
    cancel = parse(venue, "cancel_all ann")
    assert _reason(venue.send(replace(cancel, sent=placed.sent))) == (RejectReason.STALE, NO_ID)
    assert isinstance(venue.send(replace(cancel, sent=placed.sent, attempt=1))[0], DuplicateIgnored)
    first_ahead = venue.now + MILLISECOND + CLOCK_LEAD + 1
    assert _reason(venue.send(replace(cancel, sent=first_ahead, key=KEY + 1))) == (RejectReason.CLOCK, NO_ID)
    last_taken = venue.now + MILLISECOND + CLOCK_LEAD
    assert isinstance(venue.send(replace(parse(venue, "cancel_all bob"), sent=last_taken))[-1], CancelAllDone)
    last_taken = venue.now + MILLISECOND + CLOCK_LEAD
    repeated = replace(parse(venue, "cancel_all bob"), sent=last_taken, key=KEY + 1)
    assert _reason(venue.send(repeated)) == (RejectReason.DUPLICATE, cancel.command_id)
    again = replace(parse(venue, "place A2 ann sell 5 @ 103"), key=KEY + 1)
    assert _reason(venue.send(again)) == (RejectReason.DUPLICATE, cancel.command_id)
    venue.now += 2 * DURATION * SECOND
    check("place A3 ann sell 5 @ 103 -> accepted, rests 5", venue)


@whether_or_not_another_waits
def test_a_product_that_nobody_knows_has_no_names(waits: bool) -> None:
    venue, _ = _forgotten(waits)
    place = replace(parse(venue, "place A2 ann sell 5 @ 103 oid x"), number=7)
    assert _reason(venue.send(place)) == (RejectReason.UNKNOWN_PRODUCT, NO_ID)


def test_time_that_advances_twice_under_one_id_is_a_repeat_about_its_product() -> None:
    venue, _ = _forgotten(waits=False)
    advance = AdvanceTime(b"a" * 16, "op", venue.number, NO_ID, "", 0, venue.now, 0, None)
    assert isinstance(venue.send(advance)[0], TimeAdvanced)
    (repeated,) = venue.send(advance)
    assert isinstance(repeated, DuplicateIgnored)
    assert repeated.sequence == venue.engine.state.products[venue.number].sequence
    late = replace(advance, command_id=b"b" * 16, sent=START - 1)
    assert _reason(venue.send(late)) == (RejectReason.STALE, NO_ID)
    of_nobody = replace(advance, command_id=b"c" * 16, account="nobody", key=KEY + 1)
    assert isinstance(venue.send(of_nobody)[0], TimeAdvanced)


def test_time_advances_for_all_products_whichever_is_named() -> None:
    venue = check("place A1 ann sell 5 @ 101 gtd 1s -> accepted, rests 5")
    (listed,) = venue.send(listing(venue.id_of("other"), "OTHER"))
    venue.send(replace(parse(venue, "place A2 ann sell 5 @ 101 gtd 1s"), number=listed.number))
    venue.now += 2 * SECOND
    events = venue.send(AdvanceTime(b"a" * 16, "op", listed.number, NO_ID, "", 0, venue.now, 0, None))
    assert [type(event) for event in events] == [OrderDone, OrderDone, TimeAdvanced]


def _all_canceled(at: int) -> CancelAllOrders:
    return CancelAllOrders(bytes([at]) * 16, "ann", 7, NO_ID, "", 0, START, 0, None, None)


@pytest.mark.parametrize("fails", [False, True])
def test_a_full_window_forgets_before_the_next_command_whatever_becomes_of_that(fails: bool) -> None:
    engine = Engine(0)
    engine.state.window = Window(capacity=3)
    for at in range(3):
        assert _reason(engine.handle(_all_canceled(at), at, START)) == (RejectReason.UNKNOWN_PRODUCT, NO_ID)
    next_one = _all_canceled(3)
    events = engine.fail(next_one, 3, START, FailureCause.FAULT) if fails else engine.handle(next_one, 3, START)
    assert _reason(events) == (RejectReason.STALE, NO_ID)


@pytest.mark.parametrize(("seconds", "kind"), [(DURATION, DuplicateIgnored), (DURATION + 1, CommandRejected)])
def test_a_command_that_fails_is_remembered_as_long_as_any(seconds: int, kind: type[AnyEvent]) -> None:
    engine, last = Engine(0), START - START % SECOND
    command = replace(_all_canceled(1), sent=last)
    engine.handle(command, 0, last)
    engine.handle(replace(_all_canceled(2), sent=last), 1, last + (seconds - 1) * SECOND)
    (event,) = engine.fail(command, 2, last + seconds * SECOND, FailureCause.FAULT)
    assert isinstance(event, kind)


def test_a_partition_has_a_last_product() -> None:
    engine = Engine(0)
    engine.state.counter = NUMBER_LIMIT // PARTITION_LIMIT - 1
    last: ListProduct = listing(bytes(16))
    assert _reason(engine.handle(last, 0, START)) == (RejectReason.TOO_MANY_PRODUCTS, NO_ID)
