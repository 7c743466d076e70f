"""What operators ask of products, from texts to integers: scales, increments, limits. Raises Problem, names the field."""

import re
from typing import Final, NamedTuple

from libs.events.values import Product
from libs.service import problems
from libs.service.problems import Problem
from services.order_api.amounts import amount, decimal_places
from services.order_api.requests import ListProductRequest, UpdateProductRequest

MOST_PLACES: Final = 12
MOST_PLACES_TOGETHER: Final = 18
MOST_COLLAR: Final = 10_000
"""Basis points: all of the price."""
MOST_OPEN_ORDERS: Final = 1_000_000
_PRODUCT_ID: Final = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")
_PRODUCT_ID_LENGTH: Final = 32
_CURRENCY: Final = re.compile(r"[A-Z0-9]{1,16}")


class Listing(NamedTuple):
    """The fields of `ListProduct` after its envelope."""

    product_id: str
    base_currency: str
    quote_currency: str
    price_scale: int
    size_scale: int
    quote_increment: int
    base_increment: int
    min_size: int
    max_size: int
    min_notional: int
    price_collar: int
    reference_price: int
    max_open_orders: int


class Changes(NamedTuple):
    """The fields of `UpdateProduct` after its envelope."""

    quote_increment: int | None
    base_increment: int | None
    min_size: int | None
    max_size: int | None
    min_notional: int | None
    price_collar: int | None
    reference_price: int | None
    max_open_orders: int | None


def is_product_id(text: str) -> bool:
    return len(text) <= _PRODUCT_ID_LENGTH and _PRODUCT_ID.fullmatch(text) is not None


def listing(request: ListProductRequest) -> Listing:
    if not is_product_id(request.id):
        raise Problem(problems.INVALID_PRODUCT_ID, field="id")
    price_scale = _scale(request.price_scale, request.quote_increment, "price_scale", "quote_increment")
    size_scale = _scale(request.size_scale, request.base_increment, "size_scale", "base_increment")
    if price_scale + size_scale > MOST_PLACES_TOGETHER:
        raise Problem(problems.INVALID_SCALE, field="price_scale")
    found = Listing(
        request.id,
        _currency(request.base_currency, "base_currency"),
        _currency(request.quote_currency, "quote_currency"),
        price_scale,
        size_scale,
        _increment(request.quote_increment, price_scale, "quote_increment"),
        _increment(request.base_increment, size_scale, "base_increment"),
        amount(request.min_size or "0", size_scale, "min_size"),
        amount(request.max_size or "0", size_scale, "max_size"),
        amount(request.min_notional or "0", price_scale + size_scale, "min_notional"),
        _count(request.price_collar, MOST_COLLAR, "price_collar") or 0,
        amount(request.reference_price or "0", price_scale, "reference_price"),
        _count(request.max_open_orders, MOST_OPEN_ORDERS, "max_open_orders") or 0,
    )
    _check_limits(found.min_size, found.max_size)
    return found


def changes(request: UpdateProductRequest, product: Product) -> Changes:
    price_scale, size_scale = product.price_scale, product.size_scale
    found = Changes(
        _optional_increment(request.quote_increment, price_scale, "quote_increment"),
        _optional_increment(request.base_increment, size_scale, "base_increment"),
        _optional(request.min_size, size_scale, "min_size"),
        _optional(request.max_size, size_scale, "max_size"),
        _optional(request.min_notional, price_scale + size_scale, "min_notional"),
        _count(request.price_collar, MOST_COLLAR, "price_collar"),
        _optional(request.reference_price, price_scale, "reference_price"),
        _count(request.max_open_orders, MOST_OPEN_ORDERS, "max_open_orders"),
    )
    if all(value is None for value in found):
        raise Problem(problems.NOTHING_TO_CHANGE)
    _check_limits(
        product.min_size if found.min_size is None else found.min_size,
        product.max_size if found.max_size is None else found.max_size,
    )
    return found


def _scale(given: int | None, increment: str, field: str, increment_field: str) -> int:
    needed = decimal_places(increment, increment_field)
    if given is None and needed > MOST_PLACES:
        raise Problem(problems.INVALID_SCALE, f"{needed} decimal places are more than {MOST_PLACES}", increment_field)
    scale = needed if given is None else given
    if not needed <= scale <= MOST_PLACES:
        raise Problem(problems.INVALID_SCALE, f"{scale} is not within {needed} to {MOST_PLACES}", field)
    return scale


def _increment(text: str, scale: int, field: str) -> int:
    value = amount(text, scale, field)
    if value <= 0:
        raise Problem(problems.INVALID_INCREMENT, field=field)
    return value


def _optional_increment(text: str | None, scale: int, field: str) -> int | None:
    return None if text is None else _increment(text, scale, field)


def _optional(text: str | None, scale: int, field: str) -> int | None:
    return None if text is None else amount(text, scale, field)


def _count(value: int | None, most: int, field: str) -> int | None:
    if value is not None and not 0 <= value <= most:
        raise Problem(problems.INVALID_VALUE, f"{field} is 0 to {most}, where 0 is none", field)
    return value


def _check_limits(least: int, most: int) -> None:
    if most and least > most:
        raise Problem(problems.INVALID_VALUE, "max_size is below min_size", "max_size")


def _currency(text: str, field: str) -> str:
    if _CURRENCY.fullmatch(text) is None:
        raise Problem(problems.INVALID_VALUE, "a currency is 1 to 16 capital letters and digits", field)
    return text
