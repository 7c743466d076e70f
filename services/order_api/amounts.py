"""Decimal texts to integers of a product, or the problem with the field's name."""

from collections.abc import Callable

from libs.events.decimals import NotADecimal, TooLarge, TooManyDecimals, places, to_integer
from libs.events.values import Product
from libs.service import problems
from libs.service.problems import Problem


def amount(text: str, scale: int, field: str) -> int:
    """Zero or more."""
    return _named(lambda: to_integer(text, scale), field)


def decimal_places(text: str, field: str) -> int:
    return _named(lambda: places(text), field)


def _named(convert: Callable[[], int], field: str) -> int:
    try:
        return convert()
    except NotADecimal as error:
        raise Problem(problems.INVALID_DECIMAL, str(error), field) from None
    except TooManyDecimals as error:
        raise Problem(problems.TOO_MANY_DECIMALS, str(error), field) from None
    except TooLarge as error:
        raise Problem(problems.TOO_LARGE, str(error), field) from None


def price(text: str, product: Product, field: str = "price") -> int:
    value = _amount(text, product.price_scale, field)
    if value <= 0:
        raise Problem(problems.NOT_POSITIVE, field=field)
    if value % product.quote_increment:
        raise Problem(problems.OFF_TICK, field=field)
    return value


def size(text: str, product: Product, field: str = "size", least: int = 1) -> int:
    value = _amount(text, product.size_scale, field)
    if value < least:
        raise Problem(problems.NOT_POSITIVE, field=field)
    if value % product.base_increment:
        raise Problem(problems.OFF_LOT, field=field)
    return value


def funds(text: str, product: Product) -> int:
    """Quote currency, at the scale of price times size."""
    value = _amount(text, product.price_scale + product.size_scale, "funds")
    if value <= 0:
        raise Problem(problems.NOT_POSITIVE, field="funds")
    return value


def _amount(text: str, scale: int, field: str) -> int:
    # The hot path: no closure where the text is fine.
    try:
        return to_integer(text, scale)
    except ValueError:
        return amount(text, scale, field)
