"""Group commit: one publish a partition at a time, and whatever comes while it is in flight shares the next one.

A lane keeps the order in which commands were handed to it. Under load publishes keep a small distance, since each
costs a fixed price in three processes; after a pause the first goes at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from libs.kafka.failures import NotPublished, PublishUnknown
from libs.kafka.ports import Ack, Entry, Publisher


class Delivery(NamedTuple):
    """What became of entries handed over together: the first ones are acknowledged, the others failed alike."""

    acks: Sequence[Ack]
    failure: Exception | None = None


class _Waiting(NamedTuple):
    entries: Sequence[Entry]
    delivery: "asyncio.Future[Delivery]"


class Lane:
    """The way into one partition of one topic."""

    def __init__(
        self, publisher: Publisher, topic: str, partition: int, most: int, distance_s: float,
        published: Callable[[Sequence[Ack]], None], failed: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        self._publisher = publisher
        self._topic = topic
        self._partition = partition
        self._most = most
        self._distance_s = distance_s
        self._published = published
        self._failed = failed
        self._waiting: list[_Waiting] = []
        self._runner: asyncio.Task[None] | None = None
        self._next_at = 0.0

    def submit(self, entries: Sequence[Entry]) -> "asyncio.Future[Delivery]":
        """Never fails: a failure is part of the delivery."""
        loop = asyncio.get_running_loop()
        delivery: asyncio.Future[Delivery] = loop.create_future()
        self._waiting.append(_Waiting(entries, delivery))
        if self._runner is None:
            self._runner = loop.create_task(self._run(loop))
        return delivery

    async def drain(self) -> None:
        """Wait until nothing is in flight."""
        if self._runner is not None:
            await asyncio.wait({self._runner})

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while self._waiting:
                await self._keep_distance(loop)
                group = self._next_group()
                _distribute(group, await self._publish([entry for each in group for entry in each.entries]))
        finally:
            self._runner = None

    async def _keep_distance(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the next beat, unless the last publish is a whole beat ago.

        Beats are the same for all lanes: those that wait go together, and the client sends them as one request.
        """
        now, beat = loop.time(), self._distance_s
        if now < self._next_at:
            await asyncio.sleep(beat - now % beat)
            now = loop.time()
        self._next_at = now + beat

    def _next_group(self) -> list[_Waiting]:
        """What fits into one publish: whole requests, at least one."""
        count = size = 0
        for waiting in self._waiting:
            size += len(waiting.entries)
            if count and size > self._most:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _publish(self, entries: Sequence[Entry]) -> Delivery:
        try:
            acks = await self._publisher.publish(self._topic, self._partition, entries)
        except Exception as error:  # noqa: BLE001  # whatever it was, the waiters must hear of it
            self._failed(error)
            return _undelivered(error, self._topic, self._partition, len(entries))
        self._published(acks)
        return Delivery(acks)


def _undelivered(error: Exception, topic: str, partition: int, entries: int) -> Delivery:
    """What is known of records whose publish failed. Of a fault nobody foresaw: nothing."""
    if isinstance(error, PublishUnknown):
        return Delivery(error.acknowledged, error)
    if isinstance(error, NotPublished):
        return Delivery((), error)
    return Delivery((), PublishUnknown(topic, partition, entries, repr(error)))


def _distribute(group: list[_Waiting], delivery: Delivery) -> None:
    start = 0
    for waiting in group:
        end = start + len(waiting.entries)
        acks = delivery.acks[start:end]
        if not waiting.delivery.done():
            whole = len(acks) == end - start
            waiting.delivery.set_result(Delivery(acks, None if whole else delivery.failure))
        start = end
