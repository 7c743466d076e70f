"""What a place, an amend or a listing must satisfy before it may change anything. The first reason that applies wins.

Their order is the documented precedence: the status of the product, then the shape of the order, then its price, its
size, its funds, the increments, the limits, and last what depends on the book.
"""

from __future__ import annotations

from typing import Final

from libs.book.orders import Order
from libs.book.product import ProductBook
from libs.events.commands import AmendOrder, ListProduct, PlaceOrder, UpdateProduct
from libs.events.values import MAX_INTEGER, OrderType, Product, RejectReason, Side, TimeInForce, TradingStatus

MAX_SCALE: Final = 18
MAX_NAME: Final = 64
"""Characters of a product id, currency, account or client_oid."""

_ONLINE: Final = TradingStatus.ONLINE
_LIMIT: Final = OrderType.LIMIT
_GTC: Final = TimeInForce.GTC
_BUY: Final = Side.BUY


def place_reason(command: PlaceOrder, book: ProductBook) -> RejectReason | None:
    product = book.product
    if product.status is not _ONLINE and not _status_accepts(product.status, command.type, command.post_only):
        return RejectReason.TRADING_STATUS
    if command.order_id != command.command_id:
        return RejectReason.INVALID_ORDER
    if command.type is _LIMIT:
        return _limit_reason(command, book)
    return _market_reason(command, product)


def _limit_reason(command: PlaceOrder, book: ProductBook) -> RejectReason | None:
    product, price, size = book.product, command.price, command.size
    if command.funds or (command.post_only and command.time_in_force is not _GTC):
        return RejectReason.INVALID_ORDER
    if not 0 < price <= MAX_INTEGER:
        return RejectReason.INVALID_PRICE
    if not 0 < size <= MAX_INTEGER:
        return RejectReason.INVALID_SIZE
    if price % product.quote_increment:
        return RejectReason.OFF_TICK
    reason = size_reason(product, size)
    if reason is not None:
        return reason
    if price * size < product.min_notional:
        return RejectReason.BELOW_MIN_NOTIONAL
    if command.post_only and meets(book, command.side, price):
        return RejectReason.POST_ONLY
    return None


def _market_reason(command: PlaceOrder, product: Product) -> RejectReason | None:
    if command.post_only or command.time_in_force is TimeInForce.FOK or (command.size != 0 and command.funds != 0):
        return RejectReason.INVALID_ORDER
    if command.price:
        return RejectReason.INVALID_PRICE
    if command.funds:
        if not 0 < command.funds <= MAX_INTEGER:
            return RejectReason.INVALID_FUNDS
        return RejectReason.BELOW_MIN_NOTIONAL if command.funds < product.min_notional else None
    if not 0 < command.size <= MAX_INTEGER:
        return RejectReason.INVALID_SIZE
    return size_reason(product, command.size)


def size_reason(product: Product, size: int) -> RejectReason | None:
    if size % product.base_increment:
        return RejectReason.OFF_LOT
    if size < product.min_size:
        return RejectReason.BELOW_MIN_SIZE
    if product.max_size and size > product.max_size:
        return RejectReason.ABOVE_MAX_SIZE
    return None


def meets(book: ProductBook, side: int, price: int) -> bool:
    """True if a limit order would find an opposite one to trade with."""
    if side == _BUY:
        ask = book.asks.best
        return ask is not None and ask.price <= price
    bid = book.bids.best
    return bid is not None and bid.price >= price


def _status_accepts(status: TradingStatus, kind: OrderType, post_only: bool) -> bool:
    if status is TradingStatus.POST_ONLY:
        return post_only
    if status is TradingStatus.LIMIT_ONLY:
        return kind is _LIMIT
    return status is _ONLINE


def amend_reason(command: AmendOrder, order: Order, book: ProductBook) -> RejectReason | None:
    product, price, size = book.product, command.price, command.size
    if order.account.name != command.account:
        return RejectReason.NOT_OWNER
    if product.status is not _ONLINE and not _status_accepts(product.status, _LIMIT, order.post_only):
        return RejectReason.TRADING_STATUS
    if price is None and size is None:
        return RejectReason.NOTHING_TO_CHANGE
    if price is not None and not 0 < price <= MAX_INTEGER:
        return RejectReason.INVALID_PRICE
    if size is not None and not 0 < size <= MAX_INTEGER:
        return RejectReason.INVALID_SIZE
    if price is not None and price != order.price and price % product.quote_increment:
        return RejectReason.OFF_TICK
    if size is None or size <= order.filled:
        return None if price is None or price == order.price else _reprice_reason(order, price, order.size, book)
    if size != order.size:
        reason = size_reason(product, size)
        if reason is not None:
            return reason
    return _reprice_reason(order, order.price if price is None else price, size, book)


def _reprice_reason(order: Order, price: int, size: int, book: ProductBook) -> RejectReason | None:
    if (price, size) != (order.price, order.size) and price * size < book.product.min_notional:
        return RejectReason.BELOW_MIN_NOTIONAL
    if order.post_only and price != order.price and meets(book, order.side, price):
        return RejectReason.POST_ONLY
    return None


def listing_is_valid(command: ListProduct) -> bool:
    names = (command.product_id, command.base_currency, command.quote_currency)
    return (
        all(0 < len(name) <= MAX_NAME for name in names)
        and 0 <= command.price_scale <= MAX_SCALE
        and 0 <= command.size_scale <= MAX_SCALE
        and _rules_are_valid(
            command.quote_increment,
            command.base_increment,
            command.min_size,
            command.max_size,
            command.min_notional,
        )
    )


def updated(product: Product, command: UpdateProduct) -> Product | None:
    """The product after the change, or None if the change makes no sense."""
    quote_increment = product.quote_increment if command.quote_increment is None else command.quote_increment
    base_increment = product.base_increment if command.base_increment is None else command.base_increment
    min_size = product.min_size if command.min_size is None else command.min_size
    max_size = product.max_size if command.max_size is None else command.max_size
    min_notional = product.min_notional if command.min_notional is None else command.min_notional
    if not _rules_are_valid(quote_increment, base_increment, min_size, max_size, min_notional):
        return None
    return Product(
        product.product_id,
        product.number,
        product.partition,
        product.base_currency,
        product.quote_currency,
        product.price_scale,
        product.size_scale,
        quote_increment,
        base_increment,
        product.status,
        min_size,
        max_size,
        min_notional,
    )


def _rules_are_valid(
    quote_increment: int, base_increment: int, min_size: int, max_size: int, min_notional: int
) -> bool:
    return (
        0 < quote_increment <= MAX_INTEGER
        and 0 < base_increment <= MAX_INTEGER
        and 0 <= min_size <= MAX_INTEGER
        and 0 <= max_size <= MAX_INTEGER
        and 0 <= min_notional <= MAX_INTEGER
        and (max_size == 0 or min_size <= max_size)
    )
