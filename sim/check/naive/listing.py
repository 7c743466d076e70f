"""What makes a product, and a change of one."""

from typing import Final

from msgspec.structs import asdict, replace

from libs.events.commands import ListProduct, UpdateProduct
from libs.events.values import MAX_INTEGER, Product, TradingStatus

MAX_SCALE: Final = 18
MAX_NAME: Final = 64
_FIRST_RULE: Final = "quote_increment"
"""From this field on, a command has what a product has, under the same names."""


def listed(command: ListProduct, number: int, partition: int) -> Product:
    return Product(
        command.product_id, number, partition, command.base_currency, command.quote_currency, command.price_scale,
        command.size_scale, command.quote_increment, command.base_increment, TradingStatus.ONLINE, command.min_size,
        command.max_size, command.min_notional, command.price_collar, command.reference_price, command.max_open_orders,
    )  # fmt: skip


def updated(product: Product, command: UpdateProduct) -> Product:
    """With what the command gives; the rest stays."""
    names = command.__struct_fields__
    given = {name: value for name, value in asdict(command).items() if name in names[names.index(_FIRST_RULE) :]}
    return replace(product, **{name: value for name, value in given.items() if value is not None})


def makes_sense(product: Product) -> bool:
    names = (product.product_id, product.base_currency, product.quote_currency)
    increments = (product.quote_increment, product.base_increment)
    limits = (
        product.min_size, product.max_size, product.min_notional,
        product.price_collar, product.reference_price, product.max_open_orders,
    )  # fmt: skip
    return (
        all(1 <= len(name) <= MAX_NAME for name in names)
        and all(0 <= scale <= MAX_SCALE for scale in (product.price_scale, product.size_scale))
        and all(1 <= increment <= MAX_INTEGER for increment in increments)
        and all(0 <= limit <= MAX_INTEGER for limit in limits)
        and not 0 < product.max_size < product.min_size
    )
