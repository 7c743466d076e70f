"""Reading in memory: chosen partitions, or what a group gives."""

from collections.abc import Collection, Mapping, Sequence

from libs.kafka.failures import (
    CommitRefused,
    InstanceContested,
    ListenerFailed,
    LogBroken,
    LogUnavailable,
    NotAssigned,
)
from libs.kafka.memory.broker import Broker
from libs.kafka.memory.faults import Point
from libs.kafka.memory.groups import Group, Member
from libs.kafka.memory.storage import MemoryRecord
from libs.kafka.ports import Bounds, GroupListener, InputOffset, Record
from libs.service.clock import NANOSECONDS


class Positions:
    """Next offsets by partition, and a turn that moves on so that no partition starves another."""

    def __init__(self, broker: Broker, topic: str, *, committed: bool) -> None:
        self._broker = broker
        self._topic = topic
        self._committed = committed
        self._turn = 0
        self.next: dict[int, int] = {}

    def take(self, partitions: Collection[int], limit: int) -> dict[int, Sequence[Record]] | None:
        """What can be read now, at most `limit` records in all; None when that is nothing."""
        if self._broker.away:
            return None
        found: dict[int, Sequence[Record]] = {}
        ordered = sorted(partitions)
        for index in range(len(ordered)):
            partition = ordered[(index + self._turn) % len(ordered)]
            records = self._take_one(partition, limit)
            if records:
                found[partition] = records
                limit -= len(records)
            if limit <= 0:
                break
        self._turn += 1
        return found or None

    def _take_one(self, partition: int, limit: int) -> list[MemoryRecord]:
        at = self._broker.partition(self._topic, partition)
        records, self.next[partition] = at.read(self.next[partition], limit, committed=self._committed)
        return records


class MemoryLogReader:
    """Chosen partitions of one topic."""

    def __init__(self, broker: Broker, topic: str, *, committed: bool) -> None:
        self._broker = broker
        self._topic = topic
        self._committed = committed
        self._positions = Positions(broker, topic, committed=committed)

    async def start(self) -> None:
        await self._broker.faults.reach(Point.CONNECT, self._topic)
        self._broker.reachable()

    async def stop(self) -> None:
        self._positions.next.clear()

    async def partitions(self) -> list[int]:
        try:
            return list(range(len(self._broker.topic(self._topic))))
        except LogBroken as error:
            raise LogUnavailable(f"the partitions of {self._topic} are unknown") from error

    async def bounds(self, partition: int) -> Bounds:
        await self._broker.faults.reach(Point.ASK, self._topic)
        return self._broker.partition(self._topic, partition).bounds(committed=self._committed)

    def assign(self, positions: Mapping[int, int]) -> None:
        self._positions.next = dict(positions)

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        await self._broker.faults.reach(Point.POLL, self._topic)
        positions = self._positions
        return await self._broker.until(lambda: positions.take(positions.next, max_records), timeout) or {}

    def position(self, partition: int) -> int:
        if partition not in self._positions.next:
            raise NotAssigned(self._topic, partition)
        return self._positions.next[partition]


class MemoryGroupReader:
    """A member of a group; `fall_silent` and `speak` make it a dead process, or one that was only stuck."""

    def __init__(self, broker: Broker, topic: str, group: str, instance: str | None, *, committed: bool) -> None:
        self._broker = broker
        self._topic = topic
        self._name = group
        self._instance = instance
        self._group: Group | None = None
        self._member: Member | None = None
        self._listener: GroupListener | None = None
        self._positions = Positions(broker, topic, committed=committed)
        self._owned: frozenset[int] = frozenset()
        self._paused: set[int] = set()
        self._generation = -1
        self._failure: Exception | None = None
        self._left = False
        self._joins: list[int] = []

    async def start(self, listener: GroupListener) -> None:
        self._listener = listener
        self._group = self._broker.group(self._name, self._topic)
        self._join()

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        await self._broker.faults.reach(Point.POLL, self._name)
        if self._member is not None and self._member.gone and not self._left and not self._broker.away:
            await self.give_up()
            self._join()
        found = await self._broker.until(lambda: self._take(max_records), timeout)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return found or {}

    def pause(self, partitions: Collection[int]) -> None:
        self._paused |= self._owned.intersection(partitions)

    def resume(self, partitions: Collection[int]) -> None:
        self._paused -= self._owned.intersection(partitions)
        self._broker.notify()

    def seek(self, partition: int, offset: int) -> None:
        if partition not in self._owned:
            raise NotAssigned(self._topic, partition)
        self._positions.next[partition] = offset
        self._broker.notify()

    def generation(self) -> int:
        gone = self._member is None or self._member.gone
        return -1 if gone else self._generation

    async def committed(self, partition: int) -> int | None:
        await self._broker.faults.reach(Point.ASK, self._name)
        self._broker.reachable()
        return self._broker.committed(self._name, self._topic, partition)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self._broker.reachable()
        lost = [partition for partition in offsets if partition not in self._owned]
        if lost or self.generation() < 0:
            raise CommitRefused(f"{self._name} no longer owns {lost or list(offsets)} of {self._topic}")
        for partition, offset in offsets.items():
            self._broker.commit_offset(InputOffset(self._name, self._topic, partition, offset))

    async def leave(self) -> None:
        self._left = True
        await self.give_up()
        if self._group is not None and self._member is not None:
            self._group.leave(self._member)
        self._generation = -1

    def fall_silent(self) -> None:
        if self._group is not None and self._member is not None:
            self._group.fall_silent(self._member)

    def speak(self) -> None:
        if self._group is not None and self._member is not None:
            self._group.speak(self._member)

    async def give_up(self) -> None:
        """The coordinator's call, and what a member does that finds its place gone."""
        revoked, self._owned = self._owned, frozenset()
        if not revoked or self._listener is None:
            return
        try:
            await self._listener.revoked(revoked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next poll raises it
            self._fail("revoked", revoked, error)

    def receive(self, partitions: frozenset[int], generation: int) -> None:
        """The coordinator's call."""
        if self._left or self._listener is None:
            return
        self._owned = partitions
        self._paused = set(partitions)
        self._positions.next.clear()
        self._generation = generation
        try:
            self._listener.assigned(partitions, generation)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next poll raises it
            self._fail("assigned", partitions, error)

    def _take(self, limit: int) -> dict[int, Sequence[Record]] | None:
        if self._failure is not None:
            return {}
        return self._positions.take((self._owned - self._paused) & self._positions.next.keys(), limit)

    def _join(self) -> None:
        if self._group is None:
            raise LogUnavailable(f"the member of {self._name} is not started")
        self._note_join()
        self._member = self._group.join(self, self._instance)

    def _note_join(self) -> None:
        """Two readers with one instance id take the place from each other, whenever they look."""
        limits = self._broker.limits
        self._joins = [*self._joins, self._broker.time.now()][-limits.contested_assignments :]
        full = len(self._joins) == limits.contested_assignments
        since = (self._joins[-1] - self._joins[0]) / NANOSECONDS
        if self._instance is not None and full and since <= limits.contested_window_s:
            self._failure = InstanceContested(
                f"instance {self._instance} of {self._name} joined {len(self._joins)} times within {since:.1f} s:"
                " another process uses its id"
            )

    def _fail(self, callback: str, partitions: frozenset[int], error: Exception) -> None:
        self._failure = ListenerFailed(f"the listener failed when {sorted(partitions)} were {callback}: {error!r}")
        self._failure.__cause__ = error
