"""Rows in Postgres's binary COPY form, packed here: a row of the archive in one call, instead of one a column.

The form (PostgreSQL manual, COPY, "Binary Format"): a header, then for each row a 16-bit count of columns and for each
column a 32-bit length (-1 of a null) and its bytes, all big-endian, and a trailer at the end.
"""

from collections.abc import AsyncIterator, Sequence
from struct import Struct
from typing import Final

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
ARCHIVE_COLUMNS: Final = ("partition", "tag", "number", "seq", "time", "order_id", "event")
_COUNT: Final = len(ARCHIVE_COLUMNS)
_SLICE_ROWS: Final = 2_000
_ID_LENGTH: Final = 16

_of_an_order: Final = Struct(">h ih ih ii iq iq i16s i".replace(" ", ""))
_of_no_order: Final = Struct(">h ih ih ii iq iq i i".replace(" ", ""))
_pack = _of_an_order.pack
_pack_without = _of_no_order.pack


def event_row(partition: int, tag: int, number: int, seq: int, time: int, order_id: bytes, event: bytes) -> bytes:
    if order_id:
        return _pack(_COUNT, 2, partition, 2, tag, 4, number, 8, seq, 8, time, _ID_LENGTH, order_id, len(event)) + event
    return _pack_without(_COUNT, 2, partition, 2, tag, 4, number, 8, seq, 8, time, -1, len(event)) + event


async def stream(rows: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Rows as COPY reads them, in pieces, so that none is copied twice."""
    yield HEADER
    for start in range(0, len(rows), _SLICE_ROWS):
        yield b"".join(rows[start : start + _SLICE_ROWS])
    yield TRAILER
