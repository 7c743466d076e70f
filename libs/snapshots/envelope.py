"""The envelope of a snapshot: what it is of, and how one knows that it is whole. Refusals have names.

    "OBSN" · form (2 bytes) · length of the body (4) · crc32 of all that and the body (4) · body, a msgpack array · data

The magic word and the form stand there in every form that will ever be, so that an older reader can say "newer".
"""

import asyncio
import hashlib
import struct
from enum import StrEnum
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from libs.book.forms import VERSION as STATE_VERSION
from libs.snapshots.ports import Found, Sealed

FORM: Final = 1
HEAD_BYTES_MOST: Final = 1_024
"""So many bytes of the beginning hold any head: enough to list a snapshot without its data."""
DIGEST_BYTES: Final = 16
_MAGIC: Final = b"OBSN"
_FIXED: Final = struct.Struct(">4sHI")
_CRC: Final = struct.Struct(">I")
_BODY_AT: Final = _FIXED.size + _CRC.size
_INLINE_BYTES: Final = 1_048_576
"""More than this is hashed in a thread: a heartbeat does not wait for it."""


class Reason(StrEnum):
    """Why a snapshot is not used."""

    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    FOREIGN = "foreign"
    FUTURE = "future"
    UNUSABLE = "unusable"
    BROKEN = "broken"
    DETACHED = "detached"


class Refused(Exception):
    """This snapshot is not used, and the one before is taken. The message begins with the reason's name."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Stored(NamedTuple):
    """A snapshot as bytes, and where to go on reading: the next offset in `order-events`."""

    seq: int
    next_event_offset: int
    data: bytes


class Head(msgspec.Struct, frozen=True, array_like=True):
    """`saved_at` in ns since the epoch; `digest` is blake2b of the data, and so the hash of the state."""

    cluster: str
    partition: int
    seq: int
    next_event_offset: int
    saved_at: int
    state_version: int
    size: int
    digest: bytes

    @property
    def state_hash(self) -> str:
        """As `libs.book.snapshot.state_hash` of the restored state."""
        return self.digest.hex()


class Opened(NamedTuple):
    """A snapshot whose envelope holds; what is inside is for `restoring`."""

    head: Head
    data: bytes
    store: str
    """The name of where it was found."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Head).decode


async def seal(cluster: str, partition: int, stored: Stored, saved_at: int) -> Sealed:
    """`saved_at` in ns since the epoch."""
    head = Head(
        cluster,
        partition,
        stored.seq,
        stored.next_event_offset,
        saved_at,
        STATE_VERSION,
        len(stored.data),
        await _digest(stored.data),
    )
    sealed = _head_bytes(head)
    if len(sealed) > HEAD_BYTES_MOST:
        raise ValueError(f"a head of {len(sealed)} bytes, {HEAD_BYTES_MOST} at most: the cluster's name is too long")
    return Sealed(stored.seq, sealed, stored.data)


def parted(whole: bytes) -> tuple[bytes, bytes]:
    """Head and data of a snapshot that is stored in one piece; a head that is none is refused by `open_head`."""
    if len(whole) < _BODY_AT:
        return whole, b""
    _, _, length = _FIXED.unpack_from(whole)
    end = _BODY_AT + min(length, HEAD_BYTES_MOST)
    return whole[:end], whole[end:]


def open_head(found: Found, cluster: str, partition: int) -> Head:
    """What the snapshot says of itself, when it is ours, of this version, and all there. Raises Refused."""
    head = _read_head(found.head)
    if head.cluster != cluster:
        raise Refused(Reason.FOREIGN, f"of cluster {head.cluster!r}, this is {cluster!r}")
    if head.partition != partition:
        raise Refused(Reason.FOREIGN, f"of partition {head.partition}, this is {partition}")
    if head.seq != found.seq:
        raise Refused(Reason.DAMAGED, f"filed as seq {found.seq}, and is of seq {head.seq}")
    if head.state_version > STATE_VERSION:
        raise Refused(
            Reason.FUTURE,
            f"a newer worker wrote it: state version {head.state_version}, this code reads {STATE_VERSION}",
        )
    if found.size < head.size:
        raise Refused(Reason.TRUNCATED, f"{found.size} of {head.size} bytes are there")
    if found.size > head.size:
        raise Refused(Reason.DAMAGED, f"{found.size} bytes where {head.size} were written")
    return head


async def unseal(found: Found, cluster: str, partition: int, store: str) -> Opened:
    """`store`: the name of where it was found. Raises Refused."""
    head = open_head(found, cluster, partition)
    if await _digest(found.data) != head.digest:
        raise Refused(Reason.DAMAGED, "its bytes do not have the checksum they were written with")
    return Opened(head, found.data, store)


def _head_bytes(head: Head) -> bytes:
    body = _encode(head)
    fixed = _FIXED.pack(_MAGIC, FORM, len(body))
    return fixed + _CRC.pack(crc32(body, crc32(fixed))) + body


def _read_head(data: bytes) -> Head:
    if not data:
        raise Refused(Reason.TRUNCATED, "it has no head: its writer did not finish")
    if not data.startswith(_MAGIC[: len(data)]):
        raise Refused(Reason.DAMAGED, "it does not begin as a snapshot does")
    if len(data) < _BODY_AT:
        raise Refused(Reason.TRUNCATED, f"its head ends after {len(data)} bytes")
    _, form, length = _FIXED.unpack_from(data)
    if form > FORM:
        raise Refused(Reason.FUTURE, f"a newer worker wrote it: envelope of form {form}, this code reads {FORM}")
    body = data[_BODY_AT:]
    if len(body) < length <= HEAD_BYTES_MOST:
        raise Refused(Reason.TRUNCATED, f"its head ends after {len(data)} bytes")
    if _CRC.unpack_from(data, _FIXED.size)[0] != crc32(body, crc32(data[: _FIXED.size])):
        raise Refused(Reason.DAMAGED, "its head does not have the checksum it was written with")
    try:
        return _decode(body)
    except msgspec.MsgspecError as error:
        raise Refused(Reason.DAMAGED, f"its head cannot be read: {error}") from error


async def _digest(data: bytes) -> bytes:
    return _hashed(data) if len(data) <= _INLINE_BYTES else await asyncio.to_thread(_hashed, data)


def _hashed(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
