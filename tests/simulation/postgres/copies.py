"""Rows of the binary COPY form, read back: what a transaction sends for orders and for the archive."""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

from services.read_model_builder import staging
from services.read_model_builder.copying import ARCHIVE_COLUMNS, HEADER, TRAILER

_COUNT: Final = Struct(">h")
_LENGTH: Final = Struct(">i")
_NUMBERS: Final = {2: Struct(">h"), 4: Struct(">i"), 8: Struct(">q")}
_BYTES: Final = frozenset(("order_id", "first_order_id", "event"))
_TEXTS: Final = frozenset(("account", "client_oid"))
_KNOWN: Final = frozenset((*staging.NEW_COLUMNS, *staging.CHANGE_COLUMNS, *ARCHIVE_COLUMNS))


def rows_of(data: bytes, columns: Sequence[str]) -> list[dict[str, Any]]:
    assert set(columns) <= _KNOWN, f"columns that this reader does not know: {set(columns) - _KNOWN}"
    assert data.startswith(HEADER)
    assert data.endswith(TRAILER)
    return list(_rows(data, columns))


def _rows(data: bytes, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    at, end = len(HEADER), len(data) - len(TRAILER)
    while at < end:
        (count,) = _COUNT.unpack_from(data, at)
        assert count == len(columns), f"a row of {count} columns where {len(columns)} are named"
        at += _COUNT.size
        row: dict[str, Any] = {}
        for name in columns:
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            row[name] = None if length < 0 else _value(name, data[at : at + length])
            at += max(length, 0)
        yield row


def _value(name: str, raw: bytes) -> object:
    if name in _BYTES:
        return raw
    if name in _TEXTS:
        return raw.decode()
    if len(raw) == 1:
        return raw != b"\0"
    return _NUMBERS[len(raw)].unpack(raw)[0]
