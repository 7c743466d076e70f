"""What all clients of one in-memory log share: topics, transactions, groups, time, and faults."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from libs.kafka.failures import LogBroken, LogUnavailable
from libs.kafka.limits import Limits
from libs.kafka.memory.faults import Faults, PlannedFaults
from libs.kafka.memory.groups import Group
from libs.kafka.memory.storage import Partition
from libs.kafka.memory.transactions import Transactions
from libs.kafka.memory.waiting import LoopTime, Time
from libs.kafka.ports import InputOffset
from libs.service.clock import NANOSECONDS

_T = TypeVar("_T")
_DEFAULTS = Limits()


class Broker:
    """One log. Whoever waits for a change of it is woken by every change, and looks again."""

    def __init__(self, time: Time | None = None, faults: Faults | None = None, limits: Limits = _DEFAULTS) -> None:
        self.time: Time = time or LoopTime()
        self.faults: Faults = faults or PlannedFaults()
        self.limits = limits
        self.away = False
        self.transactions = Transactions(self._commit_offset)
        self._topics: dict[str, list[Partition]] = {}
        self._groups: dict[tuple[str, str], Group] = {}
        self._offsets: dict[tuple[str, str, int], int] = {}
        self._changed: asyncio.Future[None] | None = None
        self._context = copy_context()

    def create_topic(self, topic: str, partitions: int) -> None:
        if topic in self._topics:
            raise ValueError(f"there is a topic {topic} already")
        self._topics[topic] = [Partition(topic, number) for number in range(partitions)]

    def grow_topic(self, topic: str, partitions: int) -> None:
        """Empty partitions more; its groups share them out."""
        present = self.topic(topic)
        present += [Partition(topic, number) for number in range(len(present), partitions)]
        for (_, shared), group in self._groups.items():
            if shared == topic:
                group.grow(partitions)

    def topic(self, topic: str) -> list[Partition]:
        self.reachable()
        return self.log_of(topic)

    def log_of(self, topic: str) -> list[Partition]:
        """As it stands, whether the log answers or not: for whoever watches."""
        found = self._topics.get(topic)
        if found is None:
            raise LogBroken(f"there is no topic {topic}")
        return found

    def partition(self, topic: str, number: int) -> Partition:
        partitions = self.topic(topic)
        if not 0 <= number < len(partitions):
            raise LogBroken(f"{topic} has no partition {number}, but {len(partitions)}")
        return partitions[number]

    def group(self, name: str, topic: str) -> Group:
        """Groups are by name and topic: a name never spans topics here."""
        if (name, topic) not in self._groups:
            self._groups[name, topic] = Group(
                name, len(self.topic(topic)), self.time, self.limits.session_timeout_s, self.notify, self._context
            )
        return self._groups[name, topic]

    def reachable(self) -> None:
        """Raises `LogUnavailable` while the log is away; lets lapse what has."""
        if self.away:
            raise LogUnavailable("the log is away")
        self._expire()

    def committed(self, group: str, topic: str, partition: int) -> int | None:
        return self._offsets.get((group, topic, partition))

    def commit_offset(self, offset: InputOffset) -> None:
        self._commit_offset(offset)
        self.notify()

    def forget_offsets(self, group: str) -> None:
        """As when they have expired."""
        self._offsets = {key: offset for key, offset in self._offsets.items() if key[0] != group}

    def now_ms(self) -> int:
        return self.time.now() // 1_000_000

    def notify(self) -> None:
        """Wake whoever waits."""
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    async def until(self, look: Callable[[], _T | None], timeout: float) -> _T | None:
        """What `look` finds, as soon as it finds something; None when it has not within `timeout` seconds."""
        deadline = self.time.now() + int(timeout * NANOSECONDS)
        await asyncio.sleep(0)  # a caller that polls in a loop must not keep others from running
        while True:
            self._expire()
            found = look()
            now = self.time.now()
            if found is not None or now >= deadline:
                return found
            wake = min(deadline, self._next_lapse() or deadline)
            await self.time.wait(self._change(), max(wake - now, 0) / NANOSECONDS)

    def _change(self) -> "asyncio.Future[None]":
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    def _expire(self) -> None:
        now = self.time.now()
        lapsed = self.transactions.expire(now)
        for group in self._groups.values():
            lapsed = group.expire(now) or lapsed
        if lapsed:
            self.notify()

    def _next_lapse(self) -> int | None:
        lapses = [
            self.transactions.next_deadline(),
            *(group.next_deadline() for group in self._groups.values()),
        ]
        return min((lapse for lapse in lapses if lapse is not None), default=None)

    def _commit_offset(self, offset: InputOffset) -> None:
        self._offsets[offset.group, offset.topic, offset.partition] = offset.next_offset
