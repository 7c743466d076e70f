"""Changes of a dead letter before it is replayed: what it asks for, never who asks, of which product, or of which order. Pure."""

from enum import IntEnum
from typing import Final, get_type_hints

import msgspec

from libs.events.commands import AnyCommand, Command
from libs.events.decimals import to_integer
from libs.events.tail import FUNDS, PRICES, SIZES
from libs.events.values import Product

_FIXED: Final = frozenset(Command.__struct_fields__) - {"client_oid"}
"""The client's own name may be changed: it is refused while an open order has it."""


class Unfit(ValueError):
    """`field` cannot be changed so; the message says why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field[:64]


def edited(command: AnyCommand, changes: dict[str, object], product: Product | None) -> AnyCommand:
    """With these values: decimals and names of enumerations as text. Raises Unfit."""
    kind = type(command)
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, object] = {}
    for field, value in changes.items():
        if field not in kind.__struct_fields__ or field in _FIXED:
            fitting = ", ".join(name for name in kind.__struct_fields__ if name not in _FIXED)
            raise Unfit(field, f"of a {kind.__name__} only {fitting} may be changed")
        try:
            values[field] = msgspec.convert(_plain(field, value, hints[field], product), hints[field], strict=False)
        except (ValueError, msgspec.ValidationError) as error:
            raise Unfit(field, str(error)) from None
    return msgspec.structs.replace(command, **values)


def _plain(field: str, value: object, hint: object, product: Product | None) -> object:
    """What stands in the command for a value as people write it."""
    if not isinstance(value, str):
        if _places(field, product) is not None and value is not None:
            raise ValueError("a decimal is a string, such as '0.05'")
        return value
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        if value.upper() not in hint.__members__:
            raise ValueError(f"{value[:64]!r} is none of {', '.join(hint.__members__)}")
        return hint[value.upper()]
    places = _places(field, product)
    if places is None:
        return value
    return to_integer(value, places)


def _places(field: str, product: Product | None) -> int | None:
    """Decimal places of a field; None of one that is no decimal. Raises ValueError where the product is not known."""
    if field not in PRICES | SIZES | FUNDS:
        return None
    if product is None:
        raise ValueError("the product is not listed any more, so its decimals are not known")
    if field in PRICES:
        return product.price_scale
    return product.size_scale if field in SIZES else product.price_scale + product.size_scale
