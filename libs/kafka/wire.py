"""The requests that a transaction is made of, as bytes, in the versions of KIP-890 (Kafka 4.0 and later).

With these the broker itself adds the partitions that are written to the transaction, and every transaction ends with a
new epoch: two round trips instead of three (a fence, or a record that comes late, is found out by its epoch). aiokafka
0.14 speaks older versions only. Layouts: https://kafka.apache.org/protocol, all of the flexible kind.
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final, NamedTuple, TypeVar

_T = TypeVar("_T")
_I16, _I32, _I64 = Struct(">h"), Struct(">i"), Struct(">q")
_NO_TAGS: Final = b"\0"
_PRODUCE, _API_VERSIONS, _END, _OFFSETS = 0, 18, 26, 28
_ALL_REPLICAS: Final = -1
_NO_GENERATION, _NO_LEADER_EPOCH = -1, -1
_FINALIZED_FEATURES: Final = 2
"""The tag of a field."""


class Request(NamedTuple):
    api: int
    version: int
    body: bytes
    plain_answer: bool = False
    """Whether the answer's header has no tags."""


class Owner(NamedTuple):
    """Under what a transaction runs. `name` is the transactional id."""

    name: str
    producer_id: int
    epoch: int


class Batch(NamedTuple):
    topic: str
    partition: int
    data: bytes | bytearray


class Written(NamedTuple):
    """What the broker says of one batch; `error` 0 is none."""

    topic: str
    partition: int
    error: int
    base_offset: int
    appended: int
    """Milliseconds since the epoch; -1 where the topic keeps the producer's time."""


def produce(owner_name: str | None, timeout_ms: int, batches: Sequence[Batch]) -> Request:
    """At most one batch a partition."""
    body: list[bytes | bytearray] = [
        _string(owner_name),
        _I16.pack(_ALL_REPLICAS),
        _I32.pack(timeout_ms),
        _count(len(batches)),
    ]
    for topic, partition, data in batches:
        body += (_string(topic), _count(1), _I32.pack(partition), _count(len(data)), data, _NO_TAGS, _NO_TAGS)
    body.append(_NO_TAGS)
    return Request(_PRODUCE, 12, b"".join(body))


def written(answer: bytes) -> list[Written]:
    read = _Cursor(answer)
    found: list[Written] = []
    for _ in range(read.count()):
        topic = read.string() or ""
        for _ in range(read.count()):
            found.append(Written(topic, read.i32(), read.i16(), read.i64(), read.i64()))
            read.i64()  # where the log starts
            read.array(lambda: (read.i32(), read.string(), read.tags()))  # errors of single records
            read.string()
            read.tags()
        read.tags()
    return found


def end(owner: Owner, *, commit: bool) -> Request:
    body = _string(owner.name) + _I64.pack(owner.producer_id) + _I16.pack(owner.epoch)
    return Request(_END, 5, body + (b"\1" if commit else b"\0") + _NO_TAGS)


def ended(answer: bytes) -> tuple[int, int, int]:
    """Error, and the producer id and epoch of the next transaction."""
    read = _Cursor(answer)
    read.i32()  # throttle time
    return read.i16(), read.i64(), read.i16()


def commit_offset(owner: Owner, group: str, topic: str, partition: int, offset: int) -> Request:
    body = (
        *(_string(owner.name), _string(group), _I64.pack(owner.producer_id), _I16.pack(owner.epoch)),
        *(_I32.pack(_NO_GENERATION), _string(""), _string(None)),
        *(_count(1), _string(topic), _count(1), _I32.pack(partition), _I64.pack(offset)),
        *(_I32.pack(_NO_LEADER_EPOCH), _string(""), _NO_TAGS, _NO_TAGS, _NO_TAGS),
    )
    return Request(_OFFSETS, 5, b"".join(body))


def offset_error(answer: bytes) -> int:
    """Of the one partition."""
    read = _Cursor(answer)
    read.i32()  # throttle time
    read.count()
    read.string()
    read.count()
    read.i32()
    return read.i16()


def api_versions() -> Request:
    return Request(_API_VERSIONS, 3, _string("outcry") + _string("1") + _NO_TAGS, plain_answer=True)


def finalized_features(answer: bytes) -> dict[str, int]:
    """Features of the cluster, and the level each is at."""
    read = _Cursor(answer)
    read.i16()
    read.array(lambda: (read.i16(), read.i16(), read.i16(), read.tags()))
    read.i32()  # throttle time
    inner = _Cursor(read.tags().get(_FINALIZED_FEATURES, b"\1"))
    return dict(inner.array(lambda: (inner.string() or "", max(inner.i16(), inner.i16()), inner.tags())[:2]))


class _Cursor:
    """Reads an answer from its start on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def i16(self) -> int:
        return self._number(_I16)

    def i32(self) -> int:
        return self._number(_I32)

    def i64(self) -> int:
        return self._number(_I64)

    def count(self) -> int:
        """Of the elements that follow; 0 also of none at all."""
        return max(0, self._varint() - 1)

    def array(self, element: Callable[[], _T]) -> list[_T]:
        return [element() for _ in range(self.count())]

    def string(self) -> str | None:
        length = self._varint()
        return None if length == 0 else self._bytes(length - 1).decode()

    def tags(self) -> dict[int, bytes]:
        return {self._varint(): self._bytes(self._varint()) for _ in range(self._varint())}

    def _bytes(self, length: int) -> bytes:
        self._at += length
        return self._data[self._at - length : self._at]

    def _number(self, form: Struct) -> int:
        number: int
        (number,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        return number

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7


def _count(length: int) -> bytes:
    """A length or a count as a compact field has it: one more, as a varint; 0 stands for null."""
    number, found = length + 1, bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _string(text: str | None) -> bytes:
    if text is None:
        return b"\0"
    data = text.encode()
    return _count(len(data)) + data
