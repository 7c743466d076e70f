"""Why an order, or an amendment of one, is refused: every reason with its condition, in the documented precedence."""

from collections.abc import Iterable
from typing import Final

from libs.events.commands import AmendOrder, PlaceOrder
from libs.events.values import MAX_INTEGER, OrderType, Product, RejectReason, TimeInForce, TradingStatus
from sim.check.naive.book import NaiveBook
from sim.check.naive.order import ACTIVE, NaiveOrder

MAX_SLICES: Final = 1_000
_AT_ONCE = frozenset((TimeInForce.IOC, TimeInForce.FOK))
_MARKET_FORCES = frozenset((TimeInForce.GTC, TimeInForce.IOC))

Conditions = Iterable[tuple[RejectReason, bool]]


def takes(status: TradingStatus, kind: OrderType, post_only: bool) -> bool:
    """Whether a product of this status takes an order."""
    match status:
        case TradingStatus.ONLINE:
            return True
        case TradingStatus.POST_ONLY:
            return post_only
        case TradingStatus.LIMIT_ONLY:
            return kind == OrderType.LIMIT
        case _:
            return False


def place_reason(book: NaiveBook, command: PlaceOrder) -> RejectReason | None:
    return _first(_of_place(book, command))


def amend_reason(book: NaiveBook, order: NaiveOrder, command: AmendOrder) -> RejectReason | None:
    return _first(_of_amend(book, order, command))


def _first(conditions: Conditions) -> RejectReason | None:
    return next((reason for reason, holds in conditions if holds), None)


def _of_place(book: NaiveBook, command: PlaceOrder) -> Conditions:
    product, limit, force = book.product, command.type == OrderType.LIMIT, command.time_in_force
    yield RejectReason.TRADING_STATUS, not takes(product.status, command.type, command.post_only)
    yield RejectReason.INVALID_ORDER, command.command_id != command.order_id or not _fits(command)
    yield RejectReason.INVALID_PRICE, not _valid(command.price) if limit else command.price != 0
    yield RejectReason.INVALID_FUNDS, command.funds != 0 and not _valid(command.funds)
    yield RejectReason.INVALID_SIZE, not command.funds and not _valid(command.size)
    yield RejectReason.INVALID_STOP_PRICE, command.stop_price != 0 and not _valid(command.stop_price)
    yield RejectReason.INVALID_MAX_FLOOR, command.max_floor != 0 and not _valid(command.max_floor)
    yield RejectReason.INVALID_MAX_FLOOR, _is_sliced(command.size, command.max_floor)
    dated = force == TimeInForce.GTD
    yield RejectReason.INVALID_EXPIRE_TIME, not _later(book, command.expire_time) if dated else command.expire_time != 0
    yield RejectReason.OFF_TICK, _off(command.price, product.quote_increment)
    yield RejectReason.OFF_TICK, _off(command.stop_price, product.quote_increment)
    yield RejectReason.OFF_LOT, _off(command.size, product.base_increment)
    yield RejectReason.OFF_LOT, _off(command.max_floor, product.base_increment)
    if not command.funds:
        yield from _of_size(product, command.size)
    notional = command.price * command.size if limit else command.funds
    yield RejectReason.BELOW_MIN_NOTIONAL, (limit or command.funds != 0) and notional < product.min_notional
    yield RejectReason.PRICE_COLLAR, limit and not command.stop_price and _outside(book, command.side, command.price)
    may_rest = command.stop_price != 0 or (limit and force not in _AT_ONCE)
    yield RejectReason.TOO_MANY_ORDERS, may_rest and _is_full(book, command.account)
    yield RejectReason.POST_ONLY, command.post_only and _meets(book, command.side, command.price)


def _of_amend(book: NaiveBook, order: NaiveOrder, command: AmendOrder) -> Conditions:
    price, size, stop_price, floor = command.price, command.size, command.stop_price, command.max_floor
    given = (price, size, stop_price, floor, command.expire_time)
    product, limit, waits = book.product, order.type == OrderType.LIMIT, order.status == ACTIVE
    dated = order.time_in_force == TimeInForce.GTD
    yield RejectReason.NOT_OWNER, order.account != command.account
    yield RejectReason.TRADING_STATUS, not takes(product.status, order.type, order.post_only)
    yield RejectReason.NOTHING_TO_CHANGE, all(value is None for value in given)
    yield RejectReason.INVALID_ORDER, stop_price is not None and not waits
    yield RejectReason.INVALID_ORDER, not limit and (price is not None or floor is not None)
    yield RejectReason.INVALID_ORDER, size is not None and not order.size
    yield RejectReason.INVALID_ORDER, floor is not None and order.time_in_force in _AT_ONCE
    yield RejectReason.INVALID_ORDER, command.expire_time is not None and not dated
    yield RejectReason.INVALID_PRICE, price is not None and not _valid(price)
    yield RejectReason.INVALID_SIZE, size is not None and not _valid(size)
    yield RejectReason.INVALID_STOP_PRICE, stop_price is not None and not _valid(stop_price)
    yield RejectReason.INVALID_MAX_FLOOR, floor is not None and not 0 <= floor <= MAX_INTEGER
    resized = floor is not None or size is not None
    slices = order.size if size is None else size, order.max_floor if floor is None else floor
    yield RejectReason.INVALID_MAX_FLOOR, resized and _is_sliced(*slices)
    yield RejectReason.INVALID_EXPIRE_TIME, command.expire_time is not None and not _later(book, command.expire_time)
    for value, present in ((price, order.price), (stop_price, order.stop_price)):
        yield RejectReason.OFF_TICK, value != present and _off(value, product.quote_increment)
    for value, present in ((size, order.size), (floor, order.max_floor)):
        yield RejectReason.OFF_LOT, value != present and _off(value, product.base_increment)
    price = order.price if price is None else price
    size = order.size if size is None else size
    goes_on = size > order.filled + order.taken_off
    if goes_on and size != order.size:
        yield from _of_size(product, size)
    changed = goes_on and (price, size) != (order.price, order.size)
    yield RejectReason.BELOW_MIN_NOTIONAL, limit and changed and price * size < product.min_notional
    repriced = price != order.price
    yield RejectReason.PRICE_COLLAR, repriced and not waits and _outside(book, order.side, price)
    yield RejectReason.POST_ONLY, repriced and order.post_only and _meets(book, order.side, price)


def _of_size(product: Product, size: int) -> Conditions:
    yield RejectReason.BELOW_MIN_SIZE, size < product.min_size
    yield RejectReason.ABOVE_MAX_SIZE, 0 < product.max_size < size


def _fits(command: PlaceOrder) -> bool:
    """Whether the fields go together."""
    if command.type == OrderType.MARKET:
        return not (
            command.post_only
            or command.time_in_force not in _MARKET_FORCES
            or command.max_floor
            or (command.size and command.funds)
        )
    at_once = command.time_in_force in _AT_ONCE
    return not (
        command.funds or (command.post_only and (at_once or command.stop_price)) or (command.max_floor and at_once)
    )


def _valid(value: int) -> bool:
    return 1 <= value <= MAX_INTEGER


def _is_sliced(size: int, floor: int) -> bool:
    """Whether an iceberg has too many slices."""
    return floor != 0 and size > MAX_SLICES * floor


def _later(book: NaiveBook, time: int) -> bool:
    return book.moment.time < time <= MAX_INTEGER


def _off(value: int | None, increment: int) -> bool:
    return value is not None and value % increment != 0


def _outside(book: NaiveBook, side: int, price: int) -> bool:
    worst = book.collar(side)
    return worst != 0 and (price > worst if side == 1 else price < worst)


def _is_full(book: NaiveBook, account: str) -> bool:
    return 0 < book.product.max_open_orders <= len(book.owned.get(account, ()))


def _meets(book: NaiveBook, side: int, price: int) -> bool:
    best = book.opposite(side).best()
    return best is not None and (best <= price if side == 1 else best >= price)
