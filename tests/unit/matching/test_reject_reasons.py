"""The precedence of reject reasons: a command with every fault of a table is rejected for the first; with that one
mended, for the next; and so on to the end, where it is taken.

A fault further up wins a field that two faults need, so each command has as many of those below it as can be.
"""

from collections.abc import Sequence
from typing import TypeVar

import pytest
from msgspec.structs import replace

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, ListProduct, PlaceOrder, UpdateProduct
from libs.events.events import AmendRejected, CancelRejected, CommandRejected, OrderRejected
from libs.events.values import MAX_INTEGER, NO_ID, TimeInForce
from tests.unit.matching.script import START, Venue, check, listing, parse

SECOND = 1_000_000_000
Fault = tuple[str, dict[str, object]]
C = TypeVar("C", bound=AnyCommand)

LATE: list[Fault] = [("clock", {"sent": 2**63}), ("duplicate", {"key": 77}), ("unknown_product", {"number": 7})]
LIMIT: list[Fault] = [
    ("invalid_order", {"funds": 1}),
    ("invalid_order", {"post_only": True, "time_in_force": TimeInForce.FOK}),
    ("invalid_order", {"max_floor": 1, "time_in_force": TimeInForce.IOC}),
    ("invalid_price", {"price": 0}),
    ("invalid_price", {"price": MAX_INTEGER + 1}),
    ("invalid_size", {"size": -4}),
    ("invalid_size", {"size": MAX_INTEGER + 1}),
    ("invalid_stop_price", {"stop_price": -1, "post_only": False}),
    ("invalid_max_floor", {"max_floor": -1}),
    ("invalid_expire_time", {"expire_time": 1}),
    ("invalid_expire_time", {"time_in_force": TimeInForce.GTD, "expire_time": START}),
    ("off_tick", {"stop_price": 1001, "price": 1030, "post_only": False}),
    ("off_tick", {"price": 1031}),
    ("off_lot", {"max_floor": 1, "size": 2}),
    ("off_lot", {"size": 3}),
    ("below_min_size", {"size": 2}),
    ("above_max_size", {"size": 22, "price": 5}),
    ("below_min_notional", {"price": 5}),
    ("price_collar", {"price": 1070}),
    ("too_many_orders", {"account": "ann"}),
    ("post_only", {"post_only": True}),
]
FUNDS: list[Fault] = [
    ("invalid_order", {"size": 4}),
    ("invalid_order", {"post_only": True}),
    ("invalid_order", {"time_in_force": TimeInForce.GTD}),
    ("invalid_order", {"max_floor": 2}),
    ("invalid_price", {"price": 1000}),
    ("invalid_funds", {"funds": -1}),
    ("invalid_funds", {"funds": MAX_INTEGER + 1}),
    ("invalid_stop_price", {"stop_price": MAX_INTEGER + 1}),
    ("invalid_expire_time", {"expire_time": 1}),
    ("off_tick", {"stop_price": 1001}),
    ("below_min_notional", {"funds": 3999}),
]
AMEND: list[Fault] = [
    ("unknown_order", {"order_id": b"unknown"}),
    ("order_done", {"order_id": b"done"}),
    ("not_owner", {"account": "cat"}),
    ("nothing_to_change", dict.fromkeys(("price", "size", "stop_price", "max_floor", "expire_time"))),
    ("invalid_order", {"stop_price": 1000}),
    ("invalid_price", {"price": 0}),
    ("invalid_size", {"size": 0}),
    ("invalid_max_floor", {"max_floor": -1}),
    ("invalid_expire_time", {"expire_time": START}),
    ("off_tick", {"price": 1031}),
    ("off_lot", {"max_floor": 3}),
    ("off_lot", {"size": 3}),
    ("below_min_size", {"size": 2}),
    ("above_max_size", {"size": 22, "price": 5}),
    ("below_min_notional", {"price": 5}),
    ("price_collar", {"price": 1070}),
    ("post_only", {"price": 1020}),
]
CANCEL: list[Fault] = [
    ("unknown_order", {"order_id": NO_ID}),
    ("order_done", {"order_id": b"done"}),
    ("not_owner", {"account": "cat"}),
]
LISTING: list[Fault] = [
    ("product_exists", {"product_id": "TEST"}),
    ("invalid_product", {"base_currency": ""}),
    ("invalid_product", {"quote_currency": "x" * 65}),
    ("invalid_product", {"price_scale": 19}),
    ("invalid_product", {"size_scale": -1}),
    ("invalid_product", {"quote_increment": 0}),
    ("invalid_product", {"base_increment": MAX_INTEGER + 1}),
    ("invalid_product", {"min_size": 2, "max_size": 1}),
    ("invalid_product", {"min_notional": -1}),
    ("invalid_product", {"price_collar": -1}),
    ("invalid_product", {"reference_price": MAX_INTEGER + 1}),
    ("invalid_product", {"max_open_orders": -1}),
]
UPDATE: list[Fault] = [
    (reason, fields) for reason, fields in LISTING if set(fields) <= set(UpdateProduct.__struct_fields__)
]


def busy() -> Venue:
    """A product with every limit, an offer of ann's at 102.0, and a bid of bob's that can be amended."""
    venue = check("""
        place  A0  dan  sell  4 @ 102                     -> accepted, rests 4
        place  A1  ann  sell  4 @ 102                     -> accepted, rests 4
        place  B0  cat  buy   4 @ 102                     -> accepted, trade 4 @ 102 with A0, done filled A0,
                                                             done filled
        place  B1  bob  buy   4 @ 101 gtd 900s post_only  -> accepted, rests 4
        update base_increment 2 min_size 4 max_size 20 min_notional 4000 price_collar 400 max_open_orders 1 -> updated
    """)
    venue.send(replace(parse(venue, "cancel_all eve"), key=77))
    return venue


def walk(venue: Venue, good: C, faults: Sequence[Fault], ids: dict[object, bytes] | None = None) -> None:
    """`ids` are what stands for an order_id in the table."""
    for at, (reason, _) in enumerate(faults):
        merged: dict[str, object] = {}
        for _, fields in reversed(faults[at:]):
            merged |= fields
        if ids and "order_id" in merged:
            merged["order_id"] = ids[merged["order_id"]]
        fresh = venue.id_of(f"{type(good).__name__} {at} {reason}")
        if isinstance(good, PlaceOrder):
            merged["order_id"] = fresh
        (event,) = venue.send(replace(good, command_id=fresh, **merged))
        assert isinstance(event, OrderRejected | AmendRejected | CancelRejected | CommandRejected)
        assert event.reason.name.lower() == reason, f"{reason} {merged}"
    venue.names.clear()
    events = venue.send(good)
    assert not isinstance(events[0], OrderRejected | AmendRejected | CancelRejected | CommandRejected)


def ids_of(venue: Venue) -> dict[object, bytes]:
    return {b"unknown": b"\1" * 16, b"done": venue.ids["A0"], NO_ID: NO_ID}


def test_of_a_limit_order() -> None:
    venue = busy()
    place = parse(venue, "place X eve buy 4 @ 103")
    walk(venue, place, [*LATE, *LIMIT])


def test_of_a_market_order_by_funds() -> None:
    venue = busy()
    walk(venue, parse(venue, "place X eve buy funds 4000"), [*LATE, *FUNDS])


def test_of_an_amend() -> None:
    venue = busy()
    amend = parse(venue, "amend B1 bob price 101.5 size 6 floor 2 gtd 800s")
    assert isinstance(amend, AmendOrder)
    walk(venue, amend, [*LATE, *AMEND], ids_of(venue))


def test_of_a_cancel() -> None:
    venue = busy()
    cancel = parse(venue, "cancel B1 bob")
    assert isinstance(cancel, CancelOrder)
    walk(venue, cancel, [*LATE, *CANCEL], ids_of(venue))


def test_of_a_listing() -> None:
    venue = busy()
    good = listing(venue.id_of("good"), "OTHER")
    assert isinstance(good, ListProduct)
    walk(venue, replace(good, sent=venue.now), [*LATE[:2], *LISTING])


def test_of_an_update() -> None:
    venue = busy()
    walk(venue, parse(venue, "update min_size 2"), [*LATE, *UPDATE])


@pytest.mark.parametrize("status", ["cancel_only", "halted", "post_only", "limit_only"])
def test_the_status_goes_before_what_makes_no_sense(status: str) -> None:
    venue = busy()
    check(f"status {status} -> status {status}", venue)
    place = parse(venue, "place X eve buy funds 4000")
    senseless = replace(place, price=5, size=-1)
    check_reason(venue, senseless, "trading_status")
    check_reason(venue, parse(venue, "amend B1 cat"), "not_owner")
    if status != "post_only":
        check_reason(
            venue, parse(venue, "amend B1 bob"), "nothing_to_change" if status == "limit_only" else "trading_status"
        )


def test_another_id_than_the_command_makes_no_sense() -> None:
    venue = busy()
    check_reason(venue, replace(parse(venue, "place X eve buy 4 @ 101"), command_id=venue.id_of("Y")), "invalid_order")


def test_what_is_too_late_is_stale_before_all_else() -> None:
    venue = busy()
    late = replace(parse(venue, "place X eve buy 4 @ 101"), key=77, number=7, sent=venue.now - SECOND)
    venue.now += 200 * SECOND
    check("cancel_all eve -> canceled 0", venue)
    check_reason(venue, late, "stale")


OTHER_LIMITS = ("below_min_notional", "price_collar", "too_many_orders")
MORE: list[Fault] = [("invalid_price", {"price": -5}), ("off_lot", {"size": 5})]


def plain() -> Venue:
    """A product without those limits, where the engine takes a shorter way for ordinary orders."""
    return check("""
        update base_increment 2 min_size 4 max_size 20    -> updated
        place  A0  dan  sell  4 @ 101                     -> accepted, rests 4
        cancel A0  dan                                    -> done canceled
        place  A1  ann  sell  4 @ 102                     -> accepted, rests 4
        place  B1  bob  buy   4 @ 101                     -> accepted, rests 4
        place  B2  bob  buy   4 @ 101 gtd 900s post_only  -> accepted, rests 4
    """)


@pytest.mark.parametrize("said", ["buy 4 @ 103", "buy 4 @ 101", "sell 4 @ 103"])
def test_each_fault_of_an_order_alone(said: str) -> None:
    venue = plain()
    for at, (reason, fields) in enumerate([*LIMIT, *MORE]):
        if reason in OTHER_LIMITS or (reason == "post_only" and said != "buy 4 @ 103"):
            continue
        check_reason(venue, replace(parse(venue, f"place X{at} eve {said}"), **fields), reason)
    check_reason(venue, replace(parse(venue, f"place X eve {said}"), command_id=venue.id_of("Y")), "invalid_order")
    for size in (4, 20):
        (first, *_) = venue.send(parse(venue, f"place Z{size} eve {said.replace('4', str(size), 1)}"))
        assert not isinstance(first, OrderRejected)


def test_a_price_of_a_market_order_alone() -> None:
    venue = plain()
    check_reason(venue, replace(parse(venue, "place X eve buy 4 @ market"), price=1010), "invalid_price")


@pytest.mark.parametrize("order", ["B1", "B2"])
def test_each_fault_of_an_amend_alone(order: str) -> None:
    venue = plain()
    ids: dict[object, bytes] = ids_of(venue) | {None: venue.ids[order]}
    for reason, fields in [*AMEND, *MORE]:
        if reason in OTHER_LIMITS or (order == "B1" and reason in {"post_only", "invalid_expire_time"}):
            continue
        fresh = venue.id_of(f"{reason} {fields}")
        amend = replace(parse(venue, f"amend {order} bob price 101"), command_id=fresh)
        merged = fields | {"order_id": ids[fields.get("order_id")]}
        check_reason(venue, replace(amend, **merged), reason)
    for size in (20, 4):
        (first, *_) = venue.send(parse(venue, f"amend {order} bob size {size}"))
        assert not isinstance(first, AmendRejected)


def check_reason(venue: Venue, command: AnyCommand, reason: str) -> None:
    event = venue.send(command)[-1]
    assert isinstance(event, OrderRejected | AmendRejected | CommandRejected)
    assert event.reason.name.lower() == reason
