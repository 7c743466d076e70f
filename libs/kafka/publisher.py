"""Publishing on Kafka without transactions: idempotent, acknowledged by all replicas, truthful about failures.

Whether records are certainly not in the log is known here and nowhere else: nothing is handed to a connection before
the leader is connected, and after a failure the producer is stopped before its queue is looked at. A producer that
failed once has used up sequence numbers, so the broker refuses all it sends from then on: it is replaced.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from libs.kafka.batches import fill
from libs.kafka.failures import LogUnavailable, NotPublished, PublishUnknown
from libs.kafka.ports import Ack, Entry
from libs.kafka.untyped import (
    Builder,
    Connection,
    KafkaError,
    Metadata,
    Place,
    Producer,
    cut,
    halt,
    known_partitions,
    leader_ready,
    never_sent,
    new_producer,
    place,
)


class _Submitted(NamedTuple):
    """Batches of one call, and the futures of those that were handed to the producer."""

    batches: Sequence[Builder]
    futures: "list[asyncio.Future[Metadata]]"
    timestamp: int


class KafkaPublisher:
    """Shares one producer between all calls. Calls for one partition are queued in the order they came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._limits = connection.limits
        self._producer: Producer | None = None
        self._starting = asyncio.Lock()
        self._lanes: dict[Place, asyncio.Lock] = {}
        self._cutting: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        try:
            async with asyncio.timeout(self._limits.start_timeout_s):
                await self._started()
        except (TimeoutError, OSError, KafkaError) as error:
            raise LogUnavailable(f"the publisher cannot start: {error!r}") from error

    async def publish(self, topic: str, partition: int, entries: Sequence[Entry]) -> Sequence[Ack]:
        if not entries:
            return ()
        at = place(topic, partition)
        producer = await self._connected(at, len(entries))
        now = time.time_ns() // 1_000_000
        call = _Submitted(fill(producer, topic, partition, entries, now, self._limits.batch_bytes), [], now)
        try:
            async with asyncio.timeout(self._limits.publish_timeout_s):
                return await self._deliver(producer, at, call)
        except (TimeoutError, OSError, KafkaError) as error:
            self._replace(producer, error)
            raise _verdict(producer, at, call, len(entries), error) from error

    async def partitions(self, topic: str) -> int:
        try:
            async with asyncio.timeout(self._limits.start_timeout_s):
                return len(await known_partitions(await self._started(), topic))
        except (TimeoutError, OSError, KafkaError) as error:
            raise LogUnavailable(f"the partitions of {topic} are unknown: {error!r}") from error

    async def close(self) -> None:
        self._closed = True
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(self._limits.close_timeout_s):
                    await producer.stop()
            except (TimeoutError, OSError, KafkaError) as error:
                self._halt(producer, error)
        if self._cutting:
            await asyncio.wait(self._cutting)

    async def _started(self) -> Producer:
        if self._producer is not None:
            return self._producer
        async with self._starting:
            if self._producer is None:
                self._producer = await self._new_producer()
            return self._producer

    async def _new_producer(self) -> Producer:
        if self._closed:
            raise KafkaError("the publisher is closed")
        producer = new_producer(self._connection, None)
        try:
            await producer.start()
        except BaseException:
            await cut(producer, self._limits.close_timeout_s)
            raise
        return producer

    async def _connected(self, at: Place, entries: int) -> Producer:
        """A producer with a connection to the leader. Nothing is sent before, so its failure is certain."""
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                producer = await self._started()
                if at.partition not in await known_partitions(producer, at.topic):
                    raise KafkaError("there is no such partition")
                while not await leader_ready(producer, at):
                    await asyncio.sleep(self._limits.retry_backoff_s)
                return producer
        except (TimeoutError, OSError, KafkaError) as error:
            raise NotPublished(at.topic, at.partition, entries, f"no leader: {error!r}") from error

    async def _deliver(self, producer: Producer, at: Place, call: _Submitted) -> list[Ack]:
        # One call at a time waits for room: aiokafka wakes all waiters at once and charges each for the others.
        async with self._lanes.setdefault(at, asyncio.Lock()):
            for batch in call.batches:
                call.futures.append(await producer.send_batch(batch, at.topic, partition=at.partition))
        if len(call.futures) == 1:
            await call.futures[0]
        else:
            await asyncio.gather(*call.futures)
        acks = _acks(call)
        if len(acks) < sum(batch.record_count() for batch in call.batches):
            raise KafkaError("the broker acknowledged a batch without saying where it is")
        return acks

    def _replace(self, producer: Producer, cause: Exception) -> None:
        """Stop using a producer that failed; the next call starts another one."""
        if self._producer is producer:
            self._producer = None
            self._halt(producer, cause)

    def _halt(self, producer: Producer, cause: Exception) -> None:
        halt(producer, KafkaError(f"the producer is replaced after {cause!r}"))
        task = asyncio.ensure_future(cut(producer, self._limits.close_timeout_s))
        self._cutting.add(task)
        task.add_done_callback(self._cutting.discard)


def _acks(call: _Submitted) -> list[Ack]:
    """Acknowledgements of the leading batches that have one."""
    acks: list[Ack] = []
    for batch, future in zip(call.batches, call.futures, strict=False):
        if not future.done() or future.cancelled() or future.exception() is not None:
            break
        base, appended = future.result().offset, future.result().timestamp
        if base < 0:
            break
        timestamp = appended if appended >= 0 else call.timestamp
        acks.extend([Ack(base + index, timestamp) for index in range(batch.record_count())])
    return acks


def _verdict(producer: Producer, at: Place, call: _Submitted, entries: int, cause: Exception) -> Exception:
    acks = _acks(call)
    submitted = call.batches[: len(call.futures)]
    if not acks and all(never_sent(producer, at, batch) for batch in submitted):
        return NotPublished(at.topic, at.partition, entries, repr(cause))
    return PublishUnknown(at.topic, at.partition, entries, repr(cause), acks)
