"""Partitions: records and control markers by offset, and how far a committed reader may see."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from libs.kafka.failures import OffsetOutOfRange, RecordTooLarge
from libs.kafka.ports import Bounds, Entry, Headers, InputOffset


class State(Enum):
    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


class Transaction:
    """Where it wrote, and what became of it. `deadline` is in nanoseconds since the epoch."""

    def __init__(self, transactional_id: str, epoch: int, deadline: int) -> None:
        self.transactional_id = transactional_id
        self.epoch = epoch
        self.deadline = deadline
        self.state = State.OPEN
        self.expired = False
        self.partitions: list[Partition] = []
        self.offset: InputOffset | None = None


class MemoryRecord(NamedTuple):
    """A record as every reader sees it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Slot(NamedTuple):
    """What lies at one offset: a record, or the control marker of a transaction (no record)."""

    record: MemoryRecord | None
    transaction: Transaction | None


class Partition:
    """Offsets grow by one a slot, and markers take slots, so readers see them skip as in Kafka."""

    def __init__(self, topic: str, number: int) -> None:
        self.topic = topic
        self.number = number
        self._start = 0
        self._slots: list[Slot] = []
        self._open: dict[Transaction, int] = {}
        self.last_ms = 0

    def bounds(self, *, committed: bool) -> Bounds:
        end = self._start + len(self._slots)
        if committed and self._open:
            end = min(self._open.values())
        return Bounds(self._start, end)

    def append(self, entries: Sequence[Entry], now_ms: int, transaction: Transaction | None) -> int:
        """The base offset. Append times never run back within a partition."""
        self.last_ms = max(self.last_ms, now_ms)
        base = self._start + len(self._slots)
        if transaction is not None and transaction not in self._open:
            self._open[transaction] = base
            transaction.partitions.append(self)
        for offset, (key, value, headers) in enumerate(entries, base):
            record = MemoryRecord(self.topic, self.number, offset, self.last_ms, key, value, tuple(headers))
            self._slots.append(Slot(record, transaction))
        return base

    def mark(self, transaction: Transaction) -> None:
        """The control marker that ends a transaction here."""
        del self._open[transaction]
        self._slots.append(Slot(None, transaction))

    def read(self, position: int, limit: int, *, committed: bool) -> tuple[list[MemoryRecord], int]:
        """At most `limit` visible records from `position` on, and the next position, past what is invisible."""
        whole = self.bounds(committed=False)
        if not whole.start <= position <= whole.end:
            raise OffsetOutOfRange(self.topic, self.number, position, *whole)
        end = self.bounds(committed=committed).end
        found: list[MemoryRecord] = []
        while position < end and len(found) < limit:
            record, transaction = self._slots[position - self._start]
            hidden = committed and transaction is not None and transaction.state is not State.COMMITTED
            if record is not None and not hidden:
                found.append(record)
            position += 1
        return found, position

    def delete_before(self, offset: int) -> None:
        """What retention does."""
        cut = min(max(offset - self._start, 0), len(self._slots))
        del self._slots[:cut]
        self._start += cut


def check_sizes(topic: str, partition: int, entries: Sequence[Entry], limit: int) -> None:
    """Refuse what Kafka refuses: one record above `limit` bytes."""
    for key, value, headers in entries:
        size = len(key or b"") + len(value or b"") + sum(len(name) + len(held) for name, held in headers)
        if size > limit:
            raise RecordTooLarge(topic, partition, size, limit)
