"""What services see of a log: readers, group members, writers and the factory that makes them.

`libs.kafka.adapter.KafkaLog` and `libs.kafka.memory.MemoryLog` both fulfil these protocols and pass one contract
suite (`tests/contract/test_log*.py`), so a service that is correct on the twin is correct on Kafka.

What always holds: offsets of a partition grow and may skip (control markers take offsets); a committed reader never
sees a record of an open or aborted transaction; nothing here waits without a limit. Timeouts are in seconds,
timestamps in milliseconds since the epoch.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

Headers: TypeAlias = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """One record as read. aiokafka's `ConsumerRecord` fits as it is, so hot paths convert nothing."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch: of the append where the topic says so, of the producer elsewhere."""
        ...

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Entry(NamedTuple):
    """One record to be written."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Bounds(NamedTuple):
    """The first offset a partition still has, and the one after the last that this reader may see.

    `end` is the last stable offset for a committed reader: an open transaction holds it back.
    """

    start: int
    end: int


class Outbox(NamedTuple):
    """Records for one partition, in order."""

    topic: str
    partition: int
    entries: Sequence[Entry]


class InputOffset(NamedTuple):
    """How far a group has read a partition, committed together with what it wrote."""

    group: str
    topic: str
    partition: int
    next_offset: int


class Ack(NamedTuple):
    """Where a published record lies, and when it was appended (milliseconds since the epoch)."""

    offset: int
    timestamp: int


class LogReader(Protocol):
    """Reads chosen partitions of one topic, outside any group."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def partitions(self) -> list[int]:
        """Partition numbers of the topic, ascending. `LogUnavailable` when none is known within the limit."""
        ...

    async def bounds(self, partition: int) -> Bounds: ...

    def assign(self, positions: Mapping[int, int]) -> None:
        """Read these partitions from these offsets on; replaces what was assigned, drops what was prefetched."""
        ...

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        """At most `max_records` records by partition, in order; empty when none came within `timeout`.

        Raises `OffsetOutOfRange` (Fatal) when a position is not in the log.
        """
        ...

    def position(self, partition: int) -> int:
        """The offset that is read next; it passes control markers, so it reaches `bounds().end`."""
        ...


class GroupListener(Protocol):
    """Told what a group member gains and loses. Rebalances are eager: everything is revoked, then assigned."""

    def assigned(self, partitions: frozenset[int], generation: int) -> None:
        """Called with the partitions already paused. Must be quick: no heartbeat is sent while it runs."""
        ...

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Called before the group goes on; what takes longer than the session timeout costs the membership."""
        ...


class GroupReader(Protocol):
    """A member of a consumer group on one topic; its instance id makes it static, so a restart keeps its place."""

    async def start(self, listener: GroupListener) -> None:
        """Connect and ask to join. The first assignment comes to the listener, when the group gives it."""
        ...

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        """As `LogReader.poll`. Keep calling it even when all is paused, and never cancel it: it is the liveness.

        A partition that was never sought gives nothing, and needs no committed offset.
        """
        ...

    def pause(self, partitions: Collection[int]) -> None: ...

    def resume(self, partitions: Collection[int]) -> None:
        """Partitions that were lost meanwhile are passed over: their revocation is on its way or done."""
        ...

    def seek(self, partition: int, offset: int) -> None:
        """The next offset to read. `NotAssigned` (Transient) when the partition was lost meanwhile."""
        ...

    def generation(self) -> int:
        """The generation of the present assignment; -1 outside the group. Changes with every rebalance."""
        ...

    async def committed(self, partition: int) -> int | None:
        """What the group has committed, by any member and in any transaction that ended; None when nothing."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit next offsets outside a transaction. `CommitRefused` (Transient) when the generation is over."""
        ...

    async def leave(self) -> None:
        """Stop, calling `revoked` first, and tell the group, so that survivors take over at once."""
        ...


class TransactionalWriter(Protocol):
    """Writes transactions under one transactional id: one per input partition, one transaction at a time."""

    async def start(self) -> None:
        """Fence the last owner of the id and end its open transaction. Transient when the log is away."""
        ...

    async def commit(self, outboxes: Sequence[Outbox], offset: InputOffset | None) -> Sequence[int]:
        """All records and the offset, or none of them; the base offset of each outbox (-1 of an empty one).

        Raises `Fenced` or `TransactionExpired` (Fatal: the process ends), or `Aborted` (Transient: rolled back for
        sure; drop the state and take over again).
        """
        ...

    async def close(self) -> None:
        """Give the connections back. The id stays; what was in flight is aborted by the log."""
        ...


class Publisher(Protocol):
    """Writes outside transactions, idempotently, acknowledged by all replicas. Any number of calls at once."""

    async def start(self) -> None: ...

    async def publish(self, topic: str, partition: int, entries: Sequence[Entry]) -> Sequence[Ack]:
        """One acknowledgement an entry. Entries of one call land in order, together as far as batches allow.

        Raises `NotPublished` (certainly not in the log) or `PublishUnknown` (may be), both Transient.
        """
        ...

    async def close(self) -> None: ...


class Bookmarks(Protocol):
    """How far a reader outside any group has come, kept in the log under a name.

    There is no membership to protect it: whoever owns a partition is the only one who sets its bookmarks. The log
    forgets one that was not set for days.
    """

    async def start(self) -> None: ...

    async def get(self, topic: str, partition: int) -> int | None:
        """The offset to go on at; None when there is none. `LogUnavailable` when the log does not say."""
        ...

    async def put(self, topic: str, partition: int, offset: int) -> None:
        """Kept when this returns. `LogUnavailable` when it may not be."""
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    """What a composition root hands to the loops of a service."""

    def reader(self, topic: str, *, committed: bool = True) -> LogReader: ...

    def group(self, topic: str, group: str, instance: str | None = None, *, committed: bool = True) -> GroupReader: ...

    def transactional_writer(self, transactional_id: str) -> TransactionalWriter: ...

    def publisher(self) -> Publisher: ...

    def bookmarks(self, name: str) -> Bookmarks: ...
