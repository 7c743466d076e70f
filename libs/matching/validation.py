"""Why a command cannot be carried out. The order of the checks is the documented precedence: the first that fails."""

from __future__ import annotations

from typing import Final

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AmendOrder, PlaceOrder
from libs.events.values import MAX_INTEGER, OrderType, RejectReason, TimeInForce, TradingStatus

BASIS_POINTS: Final = 10_000
MAX_SLICES: Final = 1_000
"""How many slices an iceberg may have."""

_LIMIT = OrderType.LIMIT
_GTC = TimeInForce.GTC
_GTD = TimeInForce.GTD
_IOC = TimeInForce.IOC
_FOK = TimeInForce.FOK
_BUY: Final = 1


def place_reason(state: PartitionState, command: PlaceOrder, book: ProductBook) -> RejectReason | None:
    product = book.product
    if not book.online and not status_accepts(product.status, command.type, command.post_only):
        return RejectReason.TRADING_STATUS
    if command.order_id != command.command_id:
        return RejectReason.INVALID_ORDER
    limit = command.type is _LIMIT
    if not (_limit_fits(command) if limit else _market_fits(command)):
        return RejectReason.INVALID_ORDER
    return (
        _value_reason(state, command, limit)
        or _step_reason(command, book)
        or (None if command.funds else size_reason(command.size, book))
        or (_notional_reason(command, book, limit) if product.min_notional else None)
        or (collar_reason(book, command.side, command.price) if limit and not command.stop_price else None)
        or (_count_reason(command, book, limit) if product.max_open_orders else None)
        or (RejectReason.POST_ONLY if command.post_only and meets(book, command.side, command.price) else None)
    )


def _limit_fits(command: PlaceOrder) -> bool:
    """True if the fields of a limit order go together."""
    if command.funds:
        return False
    if command.time_in_force is _GTC or command.time_in_force is _GTD:
        return not (command.post_only and command.stop_price)
    return not command.post_only and not command.max_floor


def _market_fits(command: PlaceOrder) -> bool:
    """True if the fields of a market order go together."""
    return (
        not command.post_only
        and (command.time_in_force is _GTC or command.time_in_force is _IOC)
        and not command.max_floor
        and not (command.size and command.funds)
    )


def _value_reason(state: PartitionState, command: PlaceOrder, limit: bool) -> RejectReason | None:
    """Values out of range."""
    if limit:
        if not 0 < command.price <= MAX_INTEGER:
            return RejectReason.INVALID_PRICE
    elif command.price:
        return RejectReason.INVALID_PRICE
    if command.funds:
        if not 0 < command.funds <= MAX_INTEGER:
            return RejectReason.INVALID_FUNDS
    elif not 0 < command.size <= MAX_INTEGER:
        return RejectReason.INVALID_SIZE
    if command.stop_price and not 0 < command.stop_price <= MAX_INTEGER:
        return RejectReason.INVALID_STOP_PRICE
    if command.max_floor and not (
        0 < command.max_floor <= MAX_INTEGER and _slices_fit(command.size, command.max_floor)
    ):
        return RejectReason.INVALID_MAX_FLOOR
    if command.time_in_force is _GTD:
        return None if state.time < command.expire_time <= MAX_INTEGER else RejectReason.INVALID_EXPIRE_TIME
    return RejectReason.INVALID_EXPIRE_TIME if command.expire_time else None


def _slices_fit(size: int, max_floor: int) -> bool:
    """What an iceberg may cost: each slice is an event, and all of them may go in one command."""
    return not max_floor or size <= MAX_SLICES * max_floor


def _step_reason(command: PlaceOrder, book: ProductBook) -> RejectReason | None:
    """Tick and lot."""
    if command.price % book.tick or command.stop_price % book.tick:
        return RejectReason.OFF_TICK
    if command.size % book.lot or command.max_floor % book.lot:
        return RejectReason.OFF_LOT
    return None


def size_reason(size: int, book: ProductBook) -> RejectReason | None:
    if size < book.least:
        return RejectReason.BELOW_MIN_SIZE
    return RejectReason.ABOVE_MAX_SIZE if size > book.most else None


def _notional_reason(command: PlaceOrder, book: ProductBook, limit: bool) -> RejectReason | None:
    notional = command.price * command.size if limit else command.funds
    below = notional < book.product.min_notional and (limit or command.funds)
    return RejectReason.BELOW_MIN_NOTIONAL if below else None


def _count_reason(command: PlaceOrder, book: ProductBook, limit: bool) -> RejectReason | None:
    may_rest = command.stop_price or (limit and (command.time_in_force is _GTC or command.time_in_force is _GTD))
    if may_rest and len(book.accounts.get(command.account, ())) >= book.product.max_open_orders:
        return RejectReason.TOO_MANY_ORDERS
    return None


def meets(book: ProductBook, side: int, price: int) -> bool:
    """True if a limit order would find an opposite one to trade with."""
    if side == _BUY:
        ask = book.asks.best
        return ask is not None and ask.price <= price
    bid = book.bids.best
    return bid is not None and bid.price >= price


def collar(book: ProductBook, side: int) -> int:
    """The worst price that the product's collar lets a taker of this side have now; 0 if any."""
    product = book.product
    reference = book.last_price or product.reference_price
    width = reference * product.price_collar // BASIS_POINTS
    if not product.price_collar or not reference:
        return 0
    return reference + width if side == _BUY else max(0, reference - width)


def collar_reason(book: ProductBook, side: int, price: int) -> RejectReason | None:
    if not book.product.price_collar:
        return None
    worst = collar(book, side)
    outside = worst and (price > worst if side == _BUY else price < worst)
    return RejectReason.PRICE_COLLAR if outside else None


def status_accepts(status: TradingStatus, kind: OrderType, post_only: bool) -> bool:
    if status is TradingStatus.POST_ONLY:
        return post_only
    if status is TradingStatus.LIMIT_ONLY:
        return kind is _LIMIT
    return status is TradingStatus.ONLINE


def amend_reason(state: PartitionState, command: AmendOrder, order: Order, book: ProductBook) -> RejectReason | None:
    if order.account != command.account:
        return RejectReason.NOT_OWNER
    if not book.online and not status_accepts(book.product.status, order.type, order.post_only):
        return RejectReason.TRADING_STATUS
    price, size = command.price, command.size
    if command.stop_price is None and command.max_floor is None and command.expire_time is None:
        if price is None and size is None:
            return RejectReason.NOTHING_TO_CHANGE
        if (
            # A new price or size of an ordinary order, and nothing wrong with it: most amendments are.
            book.plain
            and order.price
            and not (order.max_floor or order.post_only)
            and (price is None or (0 < price <= MAX_INTEGER and not price % book.tick))
            and (size is None or (book.least <= size <= book.most and not size % book.lot))
        ):
            return None
    if not _amendment_fits(command, order):
        return RejectReason.INVALID_ORDER
    return (
        _amended_value_reason(state, command, order)
        or _amended_step_reason(command, order, book)
        or _amended_limit_reason(command, order, book)
    )


def _amended_step_reason(command: AmendOrder, order: Order, book: ProductBook) -> RejectReason | None:
    """Tick and lot of what changes: what stands stays, whatever the increments are today."""
    for price, before in ((command.price, order.price), (command.stop_price, order.stop_price)):
        if price is not None and price != before and price % book.tick:
            return RejectReason.OFF_TICK
    for size, before in ((command.size, order.size), (command.max_floor, order.max_floor)):
        if size is not None and size != before and size % book.lot:
            return RejectReason.OFF_LOT
    return None


def _amended_limit_reason(command: AmendOrder, order: Order, book: ProductBook) -> RejectReason | None:
    """The product's limits, and what depends on the book."""
    price = order.price if command.price is None else command.price
    size = order.size if command.size is None else command.size
    if size != order.size and size > order.filled + order.taken_off:
        reason = size_reason(size, book)
        if reason is not None:
            return reason
    changed = (price, size) != (order.price, order.size) and size > order.filled + order.taken_off
    if changed and 0 < price * size < book.product.min_notional:
        return RejectReason.BELOW_MIN_NOTIONAL
    if price == order.price:
        return None
    if not order.armed and collar_reason(book, order.side, price) is not None:
        return RejectReason.PRICE_COLLAR
    return RejectReason.POST_ONLY if order.post_only and meets(book, order.side, price) else None


def _amendment_fits(command: AmendOrder, order: Order) -> bool:
    """True if the order has what is to be changed."""
    limit = order.type is _LIMIT
    at_once = order.time_in_force is _IOC or order.time_in_force is _FOK
    return not (
        (command.stop_price is not None and not order.armed)
        or (not limit and (command.price is not None or command.max_floor is not None))
        or (command.size is not None and not order.size)
        or (command.max_floor is not None and at_once)
        or (command.expire_time is not None and order.time_in_force is not _GTD)
    )


def _amended_value_reason(state: PartitionState, command: AmendOrder, order: Order) -> RejectReason | None:
    """Values out of range."""
    if command.price is not None and not 0 < command.price <= MAX_INTEGER:
        return RejectReason.INVALID_PRICE
    if command.size is not None and not 0 < command.size <= MAX_INTEGER:
        return RejectReason.INVALID_SIZE
    if command.stop_price is not None and not 0 < command.stop_price <= MAX_INTEGER:
        return RejectReason.INVALID_STOP_PRICE
    if command.max_floor is not None and not 0 <= command.max_floor <= MAX_INTEGER:
        return RejectReason.INVALID_MAX_FLOOR
    if command.max_floor is not None or command.size is not None:
        floor = order.max_floor if command.max_floor is None else command.max_floor
        if not _slices_fit(order.size if command.size is None else command.size, floor):
            return RejectReason.INVALID_MAX_FLOOR
    if command.expire_time is not None and not state.time < command.expire_time <= MAX_INTEGER:
        return RejectReason.INVALID_EXPIRE_TIME
    return None
