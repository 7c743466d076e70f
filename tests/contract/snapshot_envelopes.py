"""Envelopes as nobody should write them, sealed with a good checksum all the same."""

import struct
from collections.abc import Callable
from zlib import crc32

import msgspec

from libs.snapshots.envelope import FORM, Head
from libs.snapshots.ports import Sealed

_FIXED = struct.Struct(">4sHI")


def resealed(sealed: Sealed, form: int = FORM, change: Callable[[Head], Head] = lambda head: head) -> Sealed:
    """The same data in an envelope of another form, or one that says something else."""
    body = msgspec.msgpack.encode(change(msgspec.msgpack.decode(sealed.head[_FIXED.size + 4 :], type=Head)))
    fixed = _FIXED.pack(b"OBSN", form, len(body))
    return sealed._replace(head=fixed + struct.pack(">I", crc32(body, crc32(fixed))) + body)
