"""What comes again under an id or a key that an open order has, long after its command was forgotten; and what is late."""

import pytest
from msgspec.structs import replace

from libs.book.window import DURATION, SECOND
from libs.events.commands import AdvanceTime, ListProduct, PlaceOrder
from libs.events.events import AnyEvent, CancelRejected, CommandRejected, DuplicateIgnored, OrderRejected
from libs.events.ids import NUMBER_LIMIT, PARTITION_LIMIT
from libs.events.values import NO_ID, RejectReason
from libs.matching import Engine
from tests.unit.matching.script import START, Venue, check, parse
from tests.unit.matching.script_commands import listing

KEY = 77


def _forgotten() -> tuple[Venue, PlaceOrder]:
    """A venue in which an order is open that came with a key, and no client_oid."""
    venue = Venue()
    placed = parse(venue, "place A1 ann sell 5 @ 101")
    assert isinstance(placed, PlaceOrder)
    placed = replace(placed, key=KEY)
    venue.send(placed)
    venue.now += 2 * DURATION * SECOND
    venue.send(parse(venue, "place B1 bob sell 5 @ 102"))
    return venue, placed


def _reason(events: list[AnyEvent]) -> tuple[RejectReason, bytes]:
    (event,) = events
    assert isinstance(event, OrderRejected | CancelRejected | CommandRejected)
    return event.reason, event.first_order_id


def test_an_open_orders_id_is_known_whenever_it_is_sent() -> None:
    venue, placed = _forgotten()
    assert isinstance(venue.send(placed)[0], DuplicateIgnored)
    assert isinstance(venue.send(replace(placed, sent=venue.now))[0], DuplicateIgnored)


def test_an_open_orders_key_is_used_up_for_every_command() -> None:
    venue, placed = _forgotten()
    first = RejectReason.DUPLICATE, placed.order_id
    assert _reason(venue.send(replace(parse(venue, "place A2 ann sell 5 @ 103"), key=KEY))) == first
    assert _reason(venue.send(replace(parse(venue, "cancel A1 ann"), key=KEY))) == first
    assert _reason(venue.send(replace(parse(venue, "cancel_all ann"), key=KEY))) == first
    assert _reason(venue.send(AdvanceTime(b"a" * 16, "ann", venue.number, NO_ID, "", KEY, venue.now, 0, None))) == first


@pytest.mark.parametrize("waits", [False, True])
def test_what_is_late_or_ahead_is_refused_whether_or_not_another_command_waits(waits: bool) -> None:
    venue, placed = _forgotten()
    if waits:
        check("fault place P1 cat sell 1 @ 109 -> deferred fault 1", venue)
    cancel = parse(venue, "cancel_all ann")
    assert _reason(venue.send(replace(cancel, sent=placed.sent))) == (RejectReason.STALE, NO_ID)
    assert isinstance(venue.send(replace(cancel, sent=placed.sent, attempt=1))[0], DuplicateIgnored)
    ahead = replace(cancel, sent=venue.now + 6 * SECOND, key=KEY + 1)
    assert _reason(venue.send(ahead)) == (RejectReason.CLOCK, NO_ID)
    again = replace(parse(venue, "place A2 ann sell 5 @ 103"), key=KEY + 1)
    assert _reason(venue.send(again)) == (RejectReason.DUPLICATE, cancel.command_id)
    venue.now += 2 * DURATION * SECOND
    check("place A3 ann sell 5 @ 103 -> accepted, rests 5", venue)


def test_a_partition_has_a_last_product() -> None:
    engine = Engine(0)
    engine.state.counter = NUMBER_LIMIT // PARTITION_LIMIT - 1
    last: ListProduct = listing(bytes(16))
    assert _reason(engine.handle(last, 0, START)) == (RejectReason.TOO_MANY_PRODUCTS, NO_ID)
