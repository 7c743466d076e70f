"""Orders come, change, and act: at entry, after an amendment, or when their stop fires."""

from collections import deque
from collections.abc import Iterable

from libs.events.commands import AmendOrder, PlaceOrder
from libs.events.events import OrderAccepted, OrderAmended, OrderRested, StopArmed, StopTriggered
from libs.events.values import DoneReason, OrderType, TimeInForce
from sim.check.naive.book import NaiveBook
from sim.check.naive.fact import Fact
from sim.check.naive.order import ACTIVE, NaiveOrder
from sim.check.naive.reasons import takes
from sim.check.naive.taking import Facts, take, unfilled

MAY_REST = frozenset((TimeInForce.GTC, TimeInForce.GTD))


def place(book: NaiveBook, command: PlaceOrder) -> Facts:
    order = NaiveOrder(command)
    waits = order.stop_price != 0 and not book.is_through(order)
    book.admit(order)
    yield book.fact(
        OrderAccepted, not waits, order.order_id, order.client_oid, order.side, order.type, order.price, order.size,
        order.funds, order.time_in_force, order.post_only, command.replay_of, order.stp, order.stop_price,
        order.max_floor, order.expire_time, own=True,
    )  # fmt: skip
    if waits:
        book.arm(order)
        yield book.fact(StopArmed, False, order.order_id, order.side, order.stop_price)
    elif order.stop_price:
        yield from _trigger(book, order)
    else:
        yield from _act(book, order)
    yield from _fire(book)


def amend(book: NaiveBook, order: NaiveOrder, command: AmendOrder) -> Facts:
    if order.status == ACTIVE:
        yield from _amend_stop(book, order, command)
    else:
        yield from _amend_resting(book, order, command)
    yield from _fire(book)


def _amend_stop(book: NaiveBook, order: NaiveOrder, command: AmendOrder) -> Facts:
    kept = command.stop_price in {None, order.stop_price}
    order.price = _new(command.price, order.price)
    order.size = order.remaining = _new(command.size, order.size)
    order.max_floor = _new(command.max_floor, order.max_floor)
    order.stop_price = _new(command.stop_price, order.stop_price)
    _expire(book, order, command)
    if not kept:
        book.arm(order)
    yield _amended(book, order, 0, kept)


def _amend_resting(book: NaiveBook, order: NaiveOrder, command: AmendOrder) -> Facts:
    gone = order.filled + order.taken_off
    size = max(_new(command.size, order.size), gone)
    price, floor = _new(command.price, order.price), _new(command.max_floor, order.max_floor)
    over = size == gone
    kept = over or (price == order.price and floor == order.max_floor and size <= order.size)
    displayed = min(order.displayed, size - gone)
    if over or not kept:
        book.leave(order)
    order.price, order.max_floor, order.size, order.remaining = price, floor, size, size - gone
    _expire(book, order, command)
    if over:
        yield _amended(book, order, 0, True)
        yield book.end(order, DoneReason.CANCELED if order.taken_off else DoneReason.FILLED)
    elif kept:
        order.displayed = displayed
        yield _amended(book, order, displayed, True)
    else:
        order.place = book.moment.seq + 1
        yield _amended(book, order, order.shown, False)
        yield from _cross(book, order)


def _amended(book: NaiveBook, order: NaiveOrder, displayed: int, kept: bool) -> Fact:
    """Nobody but its owner hears of a stop that waits."""
    return book.fact(
        OrderAmended, order.status != ACTIVE, order.order_id, order.side, order.price, order.size, order.remaining,
        displayed, kept, order.max_floor, order.stop_price, order.expire_time, own=True,
    )  # fmt: skip


def _new(value: int | None, present: int) -> int:
    return present if value is None else value


def _expire(book: NaiveBook, order: NaiveOrder, command: AmendOrder) -> None:
    if command.expire_time is not None:
        order.expire_time = command.expire_time
        book.deadlines.watch(order)


def _act(book: NaiveBook, order: NaiveOrder) -> Facts:
    if order.type == OrderType.MARKET:
        yield from _market(book, order)
        return
    if order.time_in_force == TimeInForce.FOK:
        reason = unfilled(book, order)
        if reason is not None:
            yield book.end(order, reason)
            return
    yield from _cross(book, order)


def _market(book: NaiveBook, order: NaiveOrder) -> Facts:
    reason = yield from take(book, order, book.collar(order.side))
    if reason is None:
        ended = book.opposite(order.side).best() is None
        reason = DoneReason.NO_LIQUIDITY if ended else DoneReason.PRICE_COLLAR
    yield book.end(order, reason)


def _cross(book: NaiveBook, order: NaiveOrder) -> Facts:
    """A limit order that is in no queue."""
    reason = yield from take(book, order, order.price)
    if reason is None and order.time_in_force in MAY_REST:
        book.stand(order)
        yield book.fact(OrderRested, True, order.order_id, order.side, order.price, order.remaining, order.displayed)
    else:
        yield book.end(order, DoneReason.CANCELED if reason is None else reason)


def _fire(book: NaiveBook) -> Facts:
    """Stops that the last trade is through make a line; each that fires may make it longer."""
    line = deque(_joining(book))
    while line:
        yield from _trigger(book, line.popleft())
        line.extend(_joining(book))


def _joining(book: NaiveBook) -> Iterable[NaiveOrder]:
    """In arming order; from here on they fire, whatever the price does."""
    fired = [order for order in book.stops.values() if book.is_through(order)]
    for order in fired:
        book.leave(order)
    return fired


def _trigger(book: NaiveBook, order: NaiveOrder) -> Facts:
    yield book.fact(StopTriggered, True, order.order_id, order.side, order.stop_price)
    if takes(book.product.status, order.type, order.post_only):
        yield from _act(book, order)
    else:
        yield book.end(order, DoneReason.TRADING_STATUS)
