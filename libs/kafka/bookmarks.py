"""Bookmarks on Kafka: offsets committed under the name of a group that nobody is a member of.

The broker takes them from anyone who belongs to no generation, so the one owner of a partition must be the only writer.
aiokafka commits for assigned partitions alone: they are assigned here, paused, and never read.
"""

import asyncio

from libs.kafka.failures import LogUnavailable
from libs.kafka.reader import start_consumer, stop_consumer
from libs.kafka.untyped import Connection, KafkaError, Place, new_consumer, place

_NEVER_READ = 0


class KafkaBookmarks:
    """One consumer that reads nothing."""

    def __init__(self, connection: Connection, group: str) -> None:
        self._limits = connection.limits
        self._group = group
        self._consumer = new_consumer(connection, committed=True, group=group)
        self._marked: set[Place] = set()

    async def start(self) -> None:
        await start_consumer(self._consumer, self._group, self._limits.start_timeout_s)

    async def get(self, topic: str, partition: int) -> int | None:
        try:
            async with asyncio.timeout(self._limits.request_timeout_s):
                return await self._consumer.committed(place(topic, partition))
        except (TimeoutError, OSError, KafkaError) as error:
            raise LogUnavailable(f"the bookmark {self._group} in {topic}/{partition} is unknown: {error!r}") from error

    async def put(self, topic: str, partition: int, offset: int) -> None:
        at = place(topic, partition)
        if at not in self._marked:
            self._assign(at)
        try:
            async with asyncio.timeout(self._limits.request_timeout_s):
                await self._consumer.commit({at: offset})
        except (TimeoutError, OSError, KafkaError) as error:
            raise LogUnavailable(f"the bookmark {self._group} in {topic}/{partition} is not set: {error!r}") from error

    async def close(self) -> None:
        await stop_consumer(self._consumer, self._limits.close_timeout_s)

    def _assign(self, at: Place) -> None:
        self._marked.add(at)
        self._consumer.assign(list(self._marked))
        self._consumer.pause(*self._marked)
        for marked in self._marked:
            self._consumer.seek(marked, _NEVER_READ)
