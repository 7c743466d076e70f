"""A member of a consumer group on Kafka.

aiokafka's callbacks, prefetching and rebalances have traps, and this module is where they end:
* No heartbeat is sent while the assignment callback runs: it pauses, notes, and calls the listener, nothing else.
* An assigned partition has no position until the service seeks. A paused placeholder position keeps aiokafka from
  asking for the committed offset, and from raising that there is none.
* `getmany` blocks without limit during a rebalance and must not be cancelled. It runs as a task of its own, which a
  poll waits for; what it found waits in `_ready`, and a seek, pause or revocation that comes first discards it.
* A member that comes back under its instance id joins without a rebalance, and who leads the group may then never hear
  that the topic has grown: every member looks (`untyped_sharing`).
* An exception in a listener is swallowed by aiokafka: the next poll raises it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence

from libs.kafka.failures import (
    CommitRefused,
    InstanceContested,
    ListenerFailed,
    LogUnavailable,
    NotAssigned,
)
from libs.kafka.gathering import Gathering
from libs.kafka.ports import GroupListener, Record
from libs.kafka.reader import read_failure, start_consumer, stop_consumer, topic_partitions
from libs.kafka.untyped import (
    STOPPED,
    CommitFailedError,
    Connection,
    KafkaError,
    NoOffsetError,
    Place,
    is_instance_fenced,
    leave_on_stop,
    listener,
    membership,
    new_consumer,
    place,
)
from libs.kafka.untyped_sharing import Sharing, present_partitions

_PLACEHOLDER_OFFSET = 0
_POLL_GRACE_S = 0.05


class KafkaGroupReader:
    """One consumer that subscribes to one topic, and the listener's view of what it owns."""

    def __init__(
        self, connection: Connection, topic: str, group: str, instance: str | None, *, committed: bool
    ) -> None:
        self._limits = connection.limits
        self._topic = topic
        self._group = group
        self._instance = instance
        self._sharing = Sharing()
        self._consumer = new_consumer(
            connection, committed=committed, group=group, instance=instance, sharing=self._sharing
        )
        self._look_at = time.monotonic()
        """Not before then the next look at whether the topic has grown."""
        self._gathering = Gathering(self._consumer, self._limits, self._limits.group_gather_wait_s)
        self._listener: GroupListener | None = None
        self._owned: frozenset[int] = frozenset()
        self._sought: set[int] = set()
        self._polling: asyncio.Task[None] | None = None
        self._ready: dict[int, Sequence[Record]] = {}
        self._failure: Exception | None = None
        self._leaving = False
        self._assignments: deque[tuple[float, str]] = deque(maxlen=self._limits.contested_assignments)

    async def start(self, listener_: GroupListener) -> None:
        self._listener = listener_
        await start_consumer(self._consumer, self._topic, self._limits.start_timeout_s)
        await topic_partitions(self._consumer, self._topic, self._limits.start_timeout_s)
        self._consumer.subscribe([self._topic], listener=listener(self))

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        self._look_for_growth()
        if self._polling is None:
            self._polling = asyncio.create_task(self._fetch(max_records, timeout))
        done, _ = await asyncio.wait({self._polling}, timeout=timeout + _POLL_GRACE_S)
        if done:
            finished, self._polling = self._polling, None
            finished.result()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        found, self._ready = self._ready, {}
        return found

    def pause(self, partitions: Collection[int]) -> None:
        for partition in self._owned.intersection(partitions):
            self._discard(partition)
            self._consumer.pause(place(self._topic, partition))

    def resume(self, partitions: Collection[int]) -> None:
        for partition in self._owned.intersection(partitions):
            if partition in self._sought:
                self._consumer.resume(place(self._topic, partition))

    def seek(self, partition: int, offset: int) -> None:
        if partition not in self._owned:
            raise NotAssigned(self._topic, partition)
        self._ready.pop(partition, None)
        self._sought.add(partition)
        self._consumer.seek(place(self._topic, partition), offset)

    def generation(self) -> int:
        return membership(self._consumer).generation

    async def committed(self, partition: int) -> int | None:
        try:
            async with asyncio.timeout(self._limits.request_timeout_s):
                return await self._consumer.committed(place(self._topic, partition))
        except (TimeoutError, OSError, KafkaError) as error:
            raise LogUnavailable(
                f"the offset of {self._group} in {self._topic}/{partition} is unknown: {error!r}"
            ) from error

    async def commit(self, offsets: Mapping[int, int]) -> None:
        lost = [partition for partition in offsets if partition not in self._owned]
        if lost:
            raise CommitRefused(f"{self._group} no longer owns {lost} of {self._topic}")
        wanted = {place(self._topic, partition): offset for partition, offset in offsets.items()}
        try:
            async with asyncio.timeout(self._limits.request_timeout_s):
                await self._consumer.commit(wanted)
        except CommitFailedError as error:
            raise CommitRefused(f"{self._group} in {self._topic}: {error!r}") from error
        except (TimeoutError, OSError, KafkaError) as error:
            raise LogUnavailable(f"{self._group} cannot commit in {self._topic}: {error!r}") from error

    async def leave(self) -> None:
        self._leaving = True
        await self._revoke()
        leave_on_stop(self._consumer)
        await stop_consumer(self._consumer, self._limits.close_timeout_s)
        if self._polling is not None:
            await asyncio.wait({self._polling}, timeout=self._limits.close_timeout_s)

    async def on_partitions_revoked(self, revoked: Sequence[Place]) -> None:
        """aiokafka's callback, also for the empty first assignment."""
        await self._revoke()

    async def on_partitions_assigned(self, assigned: Sequence[Place]) -> None:
        """aiokafka's callback."""
        self._consumer.pause(*assigned)
        for at in assigned:
            self._consumer.seek(at, _PLACEHOLDER_OFFSET)
        if self._leaving or self._listener is None:
            return
        self._owned = frozenset(at.partition for at in assigned)
        self._sought.clear()
        self._note_assignment()
        try:
            self._listener.assigned(self._owned, self.generation())
        except Exception as error:  # noqa: BLE001 - whatever it is, the next poll raises it
            self._failure = _listener_failed("assigned", self._owned, error)

    async def _revoke(self) -> None:
        revoked, self._owned = self._owned, frozenset()
        self._ready.clear()
        if not revoked or self._listener is None:
            return
        try:
            await self._listener.revoked(revoked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next poll raises it
            self._failure = _listener_failed("revoked", revoked, error)

    async def _fetch(self, max_records: int, timeout: float) -> None:
        try:
            found = await self._consumer.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        except (NoOffsetError, STOPPED):
            return  # asked for between the assignment and its callback, before the placeholder was set; or left
        except KafkaError as error:
            if not self._leaving:
                self._failure = await self._read_failure(error)
            return
        self._gathering.polled(found.values())
        for at, records in found.items():
            if at.partition in self._sought and at.partition in self._owned:
                self._ready[at.partition] = records

    async def _read_failure(self, error: Exception) -> Exception:
        if is_instance_fenced(error):
            return InstanceContested(f"another process has taken instance {self._instance} of {self._group}: {error!r}")
        return await read_failure(self._consumer, error, self._limits.request_timeout_s)

    def _look_for_growth(self) -> None:
        """A topic that has grown is shared anew. Who owns nothing leaves that to others: a rebalance may be going on."""
        now = time.monotonic()
        if now < self._look_at or not self._owned or self._leaving:
            return
        self._look_at = now + self._limits.metadata_age_s
        if 0 < self._sharing.shared < present_partitions(self._consumer, self._topic):
            self._sharing.ask_anew(self._consumer)

    def _discard(self, partition: int) -> None:
        """Give back what was fetched and not yet polled, so that it comes again after a resume."""
        records = self._ready.pop(partition, None)
        if records:
            self._consumer.seek(place(self._topic, partition), records[0].offset)

    def _note_assignment(self) -> None:
        """Two processes with one instance id take the partitions from each other, several times a second."""
        self._assignments.append((time.monotonic(), membership(self._consumer).member_id))
        since = self._assignments[-1][0] - self._assignments[0][0]
        members = {member for _, member in self._assignments}
        full = len(self._assignments) == self._limits.contested_assignments == len(members)
        if self._instance is not None and full and since <= self._limits.contested_window_s:
            self._failure = InstanceContested(
                f"instance {self._instance} of {self._group} was assigned {len(members)} times as another member"
                f" within {since:.1f} s: another process uses its id"
            )


def _listener_failed(callback: str, partitions: frozenset[int], error: Exception) -> ListenerFailed:
    failed = ListenerFailed(f"the listener failed when {sorted(partitions)} were {callback}: {error!r}")
    failed.__cause__ = error
    return failed
