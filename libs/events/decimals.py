"""Decimal text to integers of a scale and back: exact, or refused. No binary fraction is ever involved."""

import re
from typing import Final

from libs.events.values import MAX_INTEGER

_DECIMAL: Final = re.compile(r"(\d{1,40})(?:\.(\d{1,40}))?", re.ASCII)


class NotADecimal(ValueError):
    """The text is no plain non-negative decimal: digits, and at most one point between digits."""


class TooManyDecimals(ValueError):
    """The value has a digit other than 0 beyond the scale."""


class TooLarge(ValueError):
    """The value exceeds `MAX_INTEGER` units of the scale."""


def to_integer(text: str, scale: int) -> int:
    """`"1.50"` at scale 2 is 150. Trailing zeros beyond the scale are fine: they say nothing."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise NotADecimal(f"{text[:64]!r} is not a decimal number such as 12 or 0.05")
    whole, fraction = match[1], match[2] or ""
    if len(fraction) > scale:
        if fraction[scale:].strip("0"):
            raise TooManyDecimals(f"{text[:64]!r} has more than {scale} decimal places")
        fraction = fraction[:scale]
    value = int(whole + fraction.ljust(scale, "0"))
    if value > MAX_INTEGER:
        raise TooLarge(f"{text[:64]!r} is larger than this product can hold")
    return value


def to_text(value: int, scale: int) -> str:
    """150 at scale 2 is `"1.50"`: always as many decimal places as the scale says."""
    if scale == 0:
        return str(value)
    sign, digits = ("-", str(-value)) if value < 0 else ("", str(value))
    if len(digits) <= scale:
        digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def places(text: str) -> int:
    """Decimal places that matter in a text: 2 of `"0.010"`, 0 of `"5"`. Raises NotADecimal."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise NotADecimal(f"{text[:64]!r} is not a decimal number such as 12 or 0.05")
    return len((match[2] or "").rstrip("0"))
