"""What the contract suite of the log needs beyond the ports: the same few powers over Kafka and over its twin."""

import asyncio
import functools
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import TopicSpec, ensure_topics, grow_topics
from libs.kafka.failures import Aborted
from libs.kafka.group import KafkaGroupReader
from libs.kafka.limits import Limits
from libs.kafka.memory import Broker, MemoryLog, PlannedFaults, Point
from libs.kafka.ports import (
    Bookmarks,
    Entry,
    GroupReader,
    InputOffset,
    LogReader,
    Outbox,
    Publisher,
    Record,
    TransactionalWriter,
)
from libs.kafka.untyped import Connection, Producer
from libs.kafka.untyped_admin import delete_before, new_admin
from libs.kafka.writer import KafkaTransactionalWriter

# Limits that let what must lapse lapse within a test. The broker looks for late transactions once a second.
QUICK = Limits(
    metadata_age_s=0.2,
    transaction_timeout_s=1.5,
    commit_timeout_s=1.0,
    session_timeout_s=1.2,
    heartbeat_s=0.1,
    close_timeout_s=1.0,
)
LIMIT_S = 20.0
_LOOK_S = 0.01
_count = itertools.count()


class Held(NamedTuple):
    """A commit that stops with its records in the log, before its end."""

    reached: asyncio.Event
    release: asyncio.Event


class Cluster(Protocol):
    """One log, and the power to start processes on it and to make things go wrong."""

    limits: Limits

    def reader(self, topic: str, *, committed: bool = True) -> LogReader: ...
    def group(self, topic: str, group: str, instance: str | None = None) -> GroupReader: ...
    def writer(self, transactional_id: str) -> TransactionalWriter: ...
    def publisher(self) -> Publisher: ...
    def bookmarks(self, name: str) -> Bookmarks: ...
    def absent(self) -> "Cluster": ...
    async def topic(self, partitions: int = 1) -> str: ...
    async def grow(self, topic: str, partitions: int) -> None: ...
    async def delete_before(self, topic: str, partition: int, offset: int) -> None: ...
    async def refused(self, transactional_id: str) -> Outbox: ...
    async def crash(self, member: GroupReader) -> None: ...
    def hold(self, transactional_id: str) -> Held: ...
    async def close(self) -> None: ...


class _Closers:
    """Closes what a test opened, last first."""

    def __init__(self) -> None:
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def add(self, closer: Callable[[], Awaitable[None]]) -> None:
        self._closers.append(closer)

    async def close(self) -> None:
        while self._closers:
            await self._closers.pop()()


class KafkaCluster:
    """The real one."""

    def __init__(self, bootstrap: str, limits: Limits = QUICK) -> None:
        self.limits = limits
        self._bootstrap = bootstrap
        self._log = KafkaLog(bootstrap, "contract", limits)
        self._holds: dict[str, Held] = {}
        self._closers = _Closers()

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        reader = self._log.reader(topic, committed=committed)
        self._closers.add(reader.stop)
        return reader

    def group(self, topic: str, group: str, instance: str | None = None) -> GroupReader:
        member = self._log.group(topic, group, instance)
        self._closers.add(member.leave)
        return member

    def writer(self, transactional_id: str) -> TransactionalWriter:
        connection = Connection(self._bootstrap, "contract", self.limits)
        writer = _HoldableWriter(connection, transactional_id, self._holds)
        self._closers.add(writer.close)
        return writer

    def publisher(self) -> Publisher:
        publisher = self._log.publisher()
        self._closers.add(publisher.close)
        return publisher

    def bookmarks(self, name: str) -> Bookmarks:
        bookmarks = self._log.bookmarks(name)
        self._closers.add(bookmarks.close)
        return bookmarks

    def absent(self) -> "KafkaCluster":
        absent = KafkaCluster("127.0.0.1:1", replace(self.limits, start_timeout_s=1.0, connect_timeout_s=0.5))
        self._closers.add(absent.close)
        return absent

    async def topic(self, partitions: int = 1) -> str:
        name = new_name("topic")
        config = {"message.timestamp.type": "LogAppendTime"}
        await ensure_topics(self._bootstrap, [TopicSpec(name, partitions, config)])
        return name

    async def grow(self, topic: str, partitions: int) -> None:
        await grow_topics(self._bootstrap, [topic], partitions)

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        admin = new_admin(self._bootstrap, "contract", 10.0)
        await admin.start()
        try:
            await delete_before(admin, topic, partition, offset)
        finally:
            await admin.close()

    async def refused(self, transactional_id: str) -> Outbox:
        name = new_name("narrow")
        await ensure_topics(self._bootstrap, [TopicSpec(name, 1, {"max.message.bytes": "1000"})])
        return Outbox(name, 0, [Entry(b"k", bytes(5_000))])

    async def crash(self, member: GroupReader) -> None:
        """A static member that stops without leaving is, to the group, one that died."""
        assert isinstance(member, KafkaGroupReader)
        await member._consumer.stop()

    def hold(self, transactional_id: str) -> Held:
        return self._holds.setdefault(transactional_id, Held(asyncio.Event(), asyncio.Event()))

    async def close(self) -> None:
        await self._closers.close()


class _HoldableWriter(KafkaTransactionalWriter):
    def __init__(self, connection: Connection, transactional_id: str, holds: dict[str, Held]) -> None:
        super().__init__(connection, transactional_id)
        self._holds = holds

    async def _end(self, producer: Producer) -> None:
        held = self._holds.pop(self._id, None)
        if held is not None:
            held.reached.set()
            await held.release.wait()
        await super()._end(producer)


class MemoryCluster:
    """The twin."""

    def __init__(self, limits: Limits = QUICK) -> None:
        self.limits = limits
        self._faults = PlannedFaults()
        self._broker = Broker(faults=self._faults, limits=limits)
        self._members: list[tuple[GroupReader, MemoryLog]] = []
        self._closers = _Closers()

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        return MemoryLog(self._broker).reader(topic, committed=committed)

    def group(self, topic: str, group: str, instance: str | None = None) -> GroupReader:
        process = MemoryLog(self._broker)
        member = process.group(topic, group, instance)
        self._members.append((member, process))
        self._closers.add(member.leave)
        return member

    def writer(self, transactional_id: str) -> TransactionalWriter:
        return MemoryLog(self._broker).transactional_writer(transactional_id)

    def publisher(self) -> Publisher:
        return MemoryLog(self._broker).publisher()

    def bookmarks(self, name: str) -> Bookmarks:
        return MemoryLog(self._broker).bookmarks(name)

    def absent(self) -> "MemoryCluster":
        absent = MemoryCluster(self.limits)
        absent._broker.away = True
        return absent

    async def topic(self, partitions: int = 1) -> str:
        name = new_name("topic")
        self._broker.create_topic(name, partitions)
        return name

    async def grow(self, topic: str, partitions: int) -> None:
        self._broker.grow_topic(topic, partitions)

    async def delete_before(self, topic: str, partition: int, offset: int) -> None:
        self._broker.partition(topic, partition).delete_before(offset)

    async def refused(self, transactional_id: str) -> Outbox:
        self._faults.fail(Point.SENT, transactional_id, Aborted("refused as planned"))
        return Outbox(await self.topic(), 0, [Entry(b"k", b"v")])

    async def crash(self, member: GroupReader) -> None:
        for known, process in self._members:
            if known is member:
                process.crash()

    def hold(self, transactional_id: str) -> Held:
        held = Held(asyncio.Event(), asyncio.Event())

        async def action() -> None:
            held.reached.set()
            await held.release.wait()

        self._faults.plan(Point.END, transactional_id, action)
        return held

    async def close(self) -> None:
        await self._closers.close()


class Recorder:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, frozenset[int]]] = []
        self.owned: frozenset[int] = frozenset()
        self.generation = -1
        self.assignments = 0

    def assigned(self, partitions: frozenset[int], generation: int) -> None:
        self.events.append(("assigned", partitions))
        self.owned, self.generation = partitions, generation
        self.assignments += 1

    async def revoked(self, partitions: frozenset[int]) -> None:
        self.events.append(("revoked", partitions))
        self.owned = frozenset()


def new_name(kind: str) -> str:
    """Unique on a server that outlives the session."""
    return f"{kind}-{os.getpid()}-{time.time_ns()}-{next(_count)}"


def scenario(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """An async test on a cluster, within a limit; what it opened is closed."""

    @functools.wraps(test)
    def run(cluster: Cluster, **arguments: object) -> None:
        async def within_limit() -> None:
            try:
                await asyncio.wait_for(test(cluster, **arguments), LIMIT_S)
            finally:
                await cluster.close()

        asyncio.run(within_limit())

    return run


async def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Until the condition holds; fails when it does not within the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {limit_s} s"
        await asyncio.sleep(_LOOK_S)


async def until_async(condition: Callable[[], Awaitable[bool]], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not await condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {limit_s} s"
        await asyncio.sleep(_LOOK_S)


async def reading(cluster: Cluster, topic: str, positions: Mapping[int, int], *, committed: bool = True) -> LogReader:
    """A started reader with these positions."""
    reader = cluster.reader(topic, committed=committed)
    await reader.start()
    reader.assign(positions)
    return reader


async def read(reader: LogReader | GroupReader, count: int, limit_s: float = 10.0) -> list[Record]:
    """Exactly `count` records, in the order they came; and not one more in the poll that brings the last."""
    found: list[Record] = []
    deadline = time.monotonic() + limit_s
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} records within {limit_s} s"
        for records in (await reader.poll(1000, 0.2)).values():
            found.extend(records)
    assert len(found) == count, f"{len(found)} records instead of {count}"
    return found


async def publish(cluster: Cluster, topic: str, partition: int, *values: bytes) -> None:
    publisher = cluster.publisher()
    await publisher.start()
    await publisher.publish(topic, partition, entries(*values))
    await publisher.close()


async def started(writer: TransactionalWriter) -> TransactionalWriter:
    await writer.start()
    return writer


async def joined(member: GroupReader, recorder: Recorder) -> GroupReader:
    await member.start(recorder)
    await until(lambda: recorder.assignments > 0)
    return member


async def committed_offset(cluster: Cluster, offset: InputOffset) -> int | None:
    """What the group has committed there, asked by a member that joins for it and leaves."""
    member = cluster.group(offset.topic, offset.group)
    await member.start(Recorder())
    found = await member.committed(offset.partition)
    await member.leave()
    return found


def entries(*values: bytes) -> list[Entry]:
    return [Entry(b"key", value) for value in values]


def values(records: Sequence[Record]) -> list[bytes | None]:
    return [record.value for record in records]
