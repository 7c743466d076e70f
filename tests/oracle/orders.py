"""Place, amend and cancel of one order."""

from libs.events.commands import AmendOrder, CancelOrder, PlaceOrder
from libs.events.events import OrderAccepted, OrderAmended, OrderDone, StopArmed
from libs.events.values import DoneReason, RejectReason
from tests.oracle.amend_rules import amend_reason, changed
from tests.oracle.journal import Journal
from tests.oracle.market import Market, Order
from tests.oracle.place_rules import place_reason
from tests.oracle.rejections import reject
from tests.oracle.taking import execute, finish, fire_stops, trigger


def place(command: PlaceOrder, market: Market, now: int, journal: Journal) -> None:
    reason = place_reason(command, market, now)
    if reason is not None:
        reject(command, reason, market, journal)
        return
    order = new_order(command)
    waits = order.stop_price != 0 and not order.is_through(market.last_price)
    accepted = _accepted(command)
    if waits:
        journal.private(market, OrderAccepted, *accepted)
        market.stops.append(order)
        journal.private(market, StopArmed, order.order_id, order.side, order.stop_price)
        return
    journal.public(market, OrderAccepted, *accepted)
    if order.stop_price:
        trigger(market, order, journal)
    else:
        execute(market, order, journal)
    fire_stops(market, journal)


def new_order(command: PlaceOrder) -> Order:
    return Order(
        command.order_id,
        command.account,
        command.client_oid,
        command.key,
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        command.replay_of,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
        by_funds=command.funds != 0,
    )


def _accepted(command: PlaceOrder) -> tuple[object, ...]:
    return (
        command.order_id,
        command.client_oid,
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        command.replay_of,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
    )


def amend(command: AmendOrder, order: Order, market: Market, now: int, journal: Journal) -> None:
    reason = amend_reason(command, order, market, now)
    if reason is not None:
        reject(command, reason, market, journal)
    elif order in market.stops:
        amend_stop(command, order, market, journal)
    else:
        amend_resting(command, order, market, journal)


def amend_stop(command: AmendOrder, order: Order, market: Market, journal: Journal) -> None:
    keeps_place = not changed(command.stop_price, order.stop_price)
    take_over(command, order)
    if not keeps_place:
        market.stops.remove(order)
        market.stops.append(order)
    tell_amended(market, order, journal, keeps_place=keeps_place, is_armed=True)
    fire_stops(market, journal)


def amend_resting(command: AmendOrder, order: Order, market: Market, journal: Journal) -> None:
    gone = order.filled + order.taken_off
    loses_place = (
        changed(command.price, order.price)
        or changed(command.max_floor, order.max_floor)
        or (command.size is not None and command.size > order.size)
    )
    take_over(command, order)
    if order.size <= gone:
        order.size = gone
        order.displayed = 0
        market.resting.remove(order)
        tell_amended(market, order, journal, keeps_place=True)
        finish(market, order, DoneReason.CANCELED if order.taken_off else DoneReason.FILLED, journal)
    elif loses_place:
        market.resting.remove(order)
        order.displayed = order.slice
        tell_amended(market, order, journal, keeps_place=False)
        execute(market, order, journal)
        fire_stops(market, journal)
    else:
        order.displayed = min(order.displayed, order.remaining)
        tell_amended(market, order, journal, keeps_place=True)


def take_over(command: AmendOrder, order: Order) -> None:
    """The order as it is asked for; None leaves a value."""
    for name in ("price", "size", "stop_price", "max_floor", "expire_time"):
        asked = getattr(command, name)
        if asked is not None:
            setattr(order, name, asked)


def tell_amended(market: Market, order: Order, journal: Journal, *, keeps_place: bool, is_armed: bool = False) -> None:
    write = journal.private if is_armed else journal.public
    write(
        market,
        OrderAmended,
        order.order_id,
        order.side,
        order.price,
        order.size,
        order.remaining,
        order.displayed,
        keeps_place,
        order.max_floor,
        order.stop_price,
        order.expire_time,
    )


def cancel(command: CancelOrder, order: Order, market: Market, journal: Journal) -> None:
    if order.account != command.account:
        reject(command, RejectReason.NOT_OWNER, market, journal)
    else:
        end(market, order, DoneReason.CANCELED, journal)


def end(market: Market, order: Order, reason: DoneReason, journal: Journal) -> None:
    """An open order is done by something that is no trade; of an armed stop the public learns nothing."""
    write = journal.private if order in market.stops else journal.public
    market.remove(order)
    write(market, OrderDone, order.order_id, order.side, order.price, order.remaining, reason)
