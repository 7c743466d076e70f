"""What makes a product, and a change of one. What fails is `invalid_product`."""

from __future__ import annotations

from typing import Final

from libs.events.commands import ListProduct, UpdateProduct
from libs.events.values import MAX_INTEGER, Product

MAX_SCALE: Final = 18
MAX_NAME: Final = 64
"""Characters of a product id, currency, account or client_oid."""


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
        and _bands_are_valid(command.price_collar, command.reference_price, command.max_open_orders)
    )


def updated(product: Product, command: UpdateProduct) -> Product | None:
    """The product after the change, or None if the change makes no sense."""
    quote_increment = product.quote_increment if command.quote_increment is None else command.quote_increment
    base_increment = product.base_increment if command.base_increment is None else command.base_increment
    min_size = product.min_size if command.min_size is None else command.min_size
    max_size = product.max_size if command.max_size is None else command.max_size
    min_notional = product.min_notional if command.min_notional is None else command.min_notional
    price_collar = product.price_collar if command.price_collar is None else command.price_collar
    reference_price = product.reference_price if command.reference_price is None else command.reference_price
    max_open_orders = product.max_open_orders if command.max_open_orders is None else command.max_open_orders
    if not _rules_are_valid(quote_increment, base_increment, min_size, max_size, min_notional):
        return None
    if not _bands_are_valid(price_collar, reference_price, max_open_orders):
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
        price_collar,
        reference_price,
        max_open_orders,
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


def _bands_are_valid(price_collar: int, reference_price: int, max_open_orders: int) -> bool:
    return (
        0 <= price_collar <= MAX_INTEGER and 0 <= reference_price <= MAX_INTEGER and 0 <= max_open_orders <= MAX_INTEGER
    )
