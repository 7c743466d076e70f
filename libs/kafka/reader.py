"""Reading chosen partitions on Kafka, outside any group."""

import asyncio
from collections.abc import Mapping, Sequence

from libs.kafka.failures import LogBroken, LogUnavailable, NotAssigned, OffsetOutOfRange
from libs.kafka.gathering import Gathering
from libs.kafka.ports import Bounds, Record
from libs.kafka.untyped import (
    UNKNOWN_TOPIC,
    Connection,
    Consumer,
    KafkaError,
    OutOfRangeError,
    Place,
    cut,
    known_partitions,
    new_consumer,
    place,
    position,
)


class KafkaLogReader:
    """One consumer with a manual assignment."""

    def __init__(self, connection: Connection, topic: str, *, committed: bool) -> None:
        self._limits = connection.limits
        self._topic = topic
        self._consumer = new_consumer(connection, committed=committed)
        self._gathering = Gathering(self._consumer, self._limits, self._limits.gather_wait_s)

    async def start(self) -> None:
        await start_consumer(self._consumer, self._topic, self._limits.start_timeout_s)

    async def stop(self) -> None:
        await stop_consumer(self._consumer, self._limits.close_timeout_s)

    async def partitions(self) -> list[int]:
        return await topic_partitions(self._consumer, self._topic, self._limits.start_timeout_s)

    async def bounds(self, partition: int) -> Bounds:
        return await bounds_of(self._consumer, place(self._topic, partition), self._limits.request_timeout_s)

    def assign(self, positions: Mapping[int, int]) -> None:
        places = {place(self._topic, partition): offset for partition, offset in positions.items()}
        self._consumer.assign(list(places))
        for at, offset in places.items():
            self._consumer.seek(at, offset)

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        try:
            found = await self._consumer.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        except KafkaError as error:
            raise await read_failure(self._consumer, error, self._limits.request_timeout_s) from error
        self._gathering.polled(found.values())
        if not found and timeout <= 0:
            await asyncio.sleep(0)  # nothing else gives way in a poll that does not wait, and fetches could never run
        return {at.partition: records for at, records in found.items()}

    def position(self, partition: int) -> int:
        offset = position(self._consumer, place(self._topic, partition))
        if offset is None:
            raise NotAssigned(self._topic, partition)
        return offset


async def start_consumer(consumer: Consumer, topic: str, limit_s: float) -> None:
    """Connect. Raises `LogUnavailable`; the consumer is closed then."""
    try:
        async with asyncio.timeout(limit_s):
            await consumer.start()
    except BaseException as error:
        await cut(consumer, limit_s)
        if isinstance(error, TimeoutError | OSError | KafkaError):
            raise LogUnavailable(f"the reader of {topic} cannot start: {error!r}") from error
        raise


async def stop_consumer(consumer: Consumer, limit_s: float) -> None:
    """Close in good order, or cut the connections after `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            await consumer.stop()
    except asyncio.CancelledError:
        # The client awaits a task of its own that it has cancelled; one that never ran hands that on to the caller.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await cut(consumer, limit_s)
    except (TimeoutError, OSError, KafkaError):
        await cut(consumer, limit_s)


async def topic_partitions(consumer: Consumer, topic: str, limit_s: float) -> list[int]:
    try:
        async with asyncio.timeout(limit_s):
            return sorted(await known_partitions(consumer, topic))
    except UNKNOWN_TOPIC as error:
        raise LogBroken(f"there is no topic {topic}") from error
    except (TimeoutError, OSError, KafkaError) as error:
        raise LogUnavailable(f"the partitions of {topic} are unknown after {limit_s} s: {error!r}") from error


async def bounds_of(consumer: Consumer, at: Place, limit_s: float) -> Bounds:
    """Two requests; the start is asked first, so that it is never above the end."""
    try:
        async with asyncio.timeout(limit_s):
            start = await consumer.beginning_offsets([at])
            end = await consumer.end_offsets([at])
    except (TimeoutError, OSError, KafkaError) as error:
        raise LogUnavailable(f"the bounds of {at.topic}/{at.partition} are unknown: {error!r}") from error
    return Bounds(start[at], end[at])


async def read_failure(consumer: Consumer, error: Exception, limit_s: float) -> Exception:
    """What a failed poll means for the caller."""
    if isinstance(error, OutOfRangeError):
        at, offset = next(iter(error.args[0].items()))
        bounds = await bounds_of(consumer, at, limit_s)
        return OffsetOutOfRange(at.topic, at.partition, offset, bounds.start, bounds.end)
    if getattr(error, "retriable", False):
        return LogUnavailable(f"reading failed: {error!r}")
    return LogBroken(f"reading failed: {error!r}")
