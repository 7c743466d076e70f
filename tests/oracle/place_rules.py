"""Why a place is rejected: the table of `docs/reference/matching.md`, line by line, the first that applies."""

from collections.abc import Iterator

from libs.events.commands import PlaceOrder
from libs.events.values import MAX_INTEGER, OrderType, RejectReason, TimeInForce
from tests.oracle.market import Market, is_outside

SLICE_LIMIT = 1_000
ALL_OR_NOW = (TimeInForce.IOC, TimeInForce.FOK)


def place_reason(command: PlaceOrder, market: Market, now: int) -> RejectReason | None:
    return next(_reasons(command, market, now), None)


def _reasons(command: PlaceOrder, market: Market, now: int) -> Iterator[RejectReason]:
    if not market.takes(command.type, command.post_only):
        yield RejectReason.TRADING_STATUS
    if command.command_id != command.order_id or _makes_no_sense(command):
        yield RejectReason.INVALID_ORDER
    yield from _out_of_range(command, now)
    yield from _against_the_product(command, market)
    yield from _against_the_book(command, market)


def _makes_no_sense(command: PlaceOrder) -> bool:
    if command.type is OrderType.LIMIT:
        return (
            command.funds != 0
            or (command.post_only and (command.time_in_force in ALL_OR_NOW or command.stop_price != 0))
            or (command.max_floor != 0 and command.time_in_force in ALL_OR_NOW)
        )
    return (
        command.post_only
        or command.time_in_force in {TimeInForce.FOK, TimeInForce.GTD}
        or command.max_floor != 0
        or (command.size != 0 and command.funds != 0)
    )


def _out_of_range(command: PlaceOrder, now: int) -> Iterator[RejectReason]:
    is_limit = command.type is OrderType.LIMIT
    if not (is_positive(command.price) if is_limit else command.price == 0):
        yield RejectReason.INVALID_PRICE
    if command.funds == 0 and not is_positive(command.size):
        yield RejectReason.INVALID_SIZE
    if command.funds != 0 and not is_positive(command.funds):
        yield RejectReason.INVALID_FUNDS
    if command.stop_price != 0 and not is_positive(command.stop_price):
        yield RejectReason.INVALID_STOP_PRICE
    if not 0 <= command.max_floor <= MAX_INTEGER or has_too_many_slices(command.size, command.max_floor):
        yield RejectReason.INVALID_MAX_FLOOR
    if command.time_in_force is TimeInForce.GTD:
        if not now < command.expire_time <= MAX_INTEGER:
            yield RejectReason.INVALID_EXPIRE_TIME
    elif command.expire_time != 0:
        yield RejectReason.INVALID_EXPIRE_TIME


def _against_the_product(command: PlaceOrder, market: Market) -> Iterator[RejectReason]:
    product, by_funds = market.product, command.funds != 0
    if command.price % product.quote_increment or command.stop_price % product.quote_increment:
        yield RejectReason.OFF_TICK
    if command.size % product.base_increment or command.max_floor % product.base_increment:
        yield RejectReason.OFF_LOT
    if not by_funds and command.size < product.min_size:
        yield RejectReason.BELOW_MIN_SIZE
    if not by_funds and product.max_size and command.size > product.max_size:
        yield RejectReason.ABOVE_MAX_SIZE
    if command.type is OrderType.LIMIT and command.price * command.size < product.min_notional:
        yield RejectReason.BELOW_MIN_NOTIONAL
    if by_funds and command.funds < product.min_notional:
        yield RejectReason.BELOW_MIN_NOTIONAL


def _against_the_book(command: PlaceOrder, market: Market) -> Iterator[RejectReason]:
    is_limit, is_stop = command.type is OrderType.LIMIT, command.stop_price != 0
    if is_limit and not is_stop and is_outside(market.collar(), command.side, command.price):
        yield RejectReason.PRICE_COLLAR
    limit = market.product.max_open_orders
    may_rest = is_stop or (is_limit and command.time_in_force not in ALL_OR_NOW)
    if limit and may_rest and sum(order.account == command.account for order in market.open_orders()) >= limit:
        yield RejectReason.TOO_MANY_ORDERS
    if command.post_only and market.would_take(command.side, command.price):
        yield RejectReason.POST_ONLY


def is_positive(value: int) -> bool:
    return 1 <= value <= MAX_INTEGER


def has_too_many_slices(size: int, max_floor: int) -> bool:
    return max_floor != 0 and size > SLICE_LIMIT * max_floor
