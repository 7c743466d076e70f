"""Messages in few words: what is 0, empty or no is left out, and an id is the number it was minted with."""

from enum import IntEnum
from typing import Final

import msgspec

_COUNTED: Final = 38
"""Bits of an id above the product's number that hold the counter of a stream."""
_SELDOM: Final = frozenset(("time", "command_offset", "command_id", "attempt"))


def said(message: msgspec.Struct) -> str:
    fields = zip(message.__struct_fields__, msgspec.structs.astuple(message), strict=True)
    shown = [f"{name}={_value(value)}" for name, value in fields if value and name not in _SELDOM]
    return f"{type(message).__name__}({', '.join(shown)})"


def _value(value: object) -> str:
    if isinstance(value, bytes):
        minted = int.from_bytes(value, "big") >> 24 & (1 << _COUNTED) - 1
        return f"#{minted}" if len(value) == 16 else value.hex()
    if isinstance(value, IntEnum):
        return value.name.lower()
    return str(value) if isinstance(value, str | bool) else repr(value)
