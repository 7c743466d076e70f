"""Why an amend of an open order is rejected: the same table, the first that applies."""

from collections.abc import Iterator

from libs.events.commands import AmendOrder
from libs.events.values import MAX_INTEGER, RejectReason, TimeInForce
from tests.oracle.market import Market, Order, is_outside
from tests.oracle.place_rules import ALL_OR_NOW, has_too_many_slices, is_positive


def amend_reason(command: AmendOrder, order: Order, market: Market, now: int) -> RejectReason | None:
    return next(_reasons(command, order, market, now), None)


def _reasons(command: AmendOrder, order: Order, market: Market, now: int) -> Iterator[RejectReason]:
    if order.account != command.account:
        yield RejectReason.NOT_OWNER
    if not market.takes(order.type, order.post_only):
        yield RejectReason.TRADING_STATUS
    fields = (command.price, command.size, command.stop_price, command.max_floor, command.expire_time)
    if all(field is None for field in fields):
        yield RejectReason.NOTHING_TO_CHANGE
    if _makes_no_sense(command, order, is_armed=order in market.stops):
        yield RejectReason.INVALID_ORDER
    yield from _out_of_range(command, order, now)
    yield from _against_the_product(command, order, market)
    reprices = command.price is not None and command.price != order.price
    price = order.price if command.price is None else command.price
    if reprices and order not in market.stops and is_outside(market.collar(), order.side, price):
        yield RejectReason.PRICE_COLLAR
    if reprices and order.post_only and market.would_take(order.side, price):
        yield RejectReason.POST_ONLY


def _makes_no_sense(command: AmendOrder, order: Order, *, is_armed: bool) -> bool:
    return (
        (command.stop_price is not None and not is_armed)
        or (not order.is_limit and (command.price is not None or command.max_floor is not None))
        or (command.size is not None and order.by_funds)
        or (command.max_floor is not None and order.time_in_force in ALL_OR_NOW)
        or (command.expire_time is not None and order.time_in_force is not TimeInForce.GTD)
    )


def _out_of_range(command: AmendOrder, order: Order, now: int) -> Iterator[RejectReason]:
    if command.price is not None and not is_positive(command.price):
        yield RejectReason.INVALID_PRICE
    if command.size is not None and not is_positive(command.size):
        yield RejectReason.INVALID_SIZE
    if command.stop_price is not None and not is_positive(command.stop_price):
        yield RejectReason.INVALID_STOP_PRICE
    if command.max_floor is not None and not 0 <= command.max_floor <= MAX_INTEGER:
        yield RejectReason.INVALID_MAX_FLOOR
    size = order.size if command.size is None else command.size
    max_floor = order.max_floor if command.max_floor is None else command.max_floor
    if (command.size, command.max_floor) != (None, None) and has_too_many_slices(size, max_floor):
        yield RejectReason.INVALID_MAX_FLOOR
    if command.expire_time is not None and not now < command.expire_time <= MAX_INTEGER:
        yield RejectReason.INVALID_EXPIRE_TIME


def _against_the_product(command: AmendOrder, order: Order, market: Market) -> Iterator[RejectReason]:
    product = market.product
    price = order.price if command.price is None else command.price
    size = order.size if command.size is None else command.size
    if changed(command.price, order.price) and price % product.quote_increment:
        yield RejectReason.OFF_TICK
    if changed(command.stop_price, order.stop_price) and (command.stop_price or 0) % product.quote_increment:
        yield RejectReason.OFF_TICK
    if changed(command.size, order.size) and size % product.base_increment:
        yield RejectReason.OFF_LOT
    if changed(command.max_floor, order.max_floor) and (command.max_floor or 0) % product.base_increment:
        yield RejectReason.OFF_LOT
    if command.size is not None and size <= order.filled + order.taken_off:
        return  # it does not go on
    if size != order.size and size < product.min_size:
        yield RejectReason.BELOW_MIN_SIZE
    if size != order.size and product.max_size and size > product.max_size:
        yield RejectReason.ABOVE_MAX_SIZE
    if order.is_limit and (price, size) != (order.price, order.size) and price * size < product.min_notional:
        yield RejectReason.BELOW_MIN_NOTIONAL


def changed(asked: int | None, present: int) -> bool:
    return asked is not None and asked != present
