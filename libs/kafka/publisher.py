"""Publishing on Kafka without transactions: idempotent, acknowledged by all replicas, truthful about failures.

Whether records are certainly not in the log is known here and nowhere else: nothing is handed to a connection before
the leader is connected, and after a failure nothing more is sent before the verdict. A producer that failed once has
used up sequence numbers, so the broker refuses all it sends from then on: it is replaced.
"""

import asyncio
import time
from collections.abc import Sequence

from libs.kafka.batches import fill
from libs.kafka.failures import LogUnavailable, NotPublished, PublishUnknown
from libs.kafka.ports import Ack, Entry
from libs.kafka.sending import Call, Sending
from libs.kafka.untyped import (
    Connection,
    KafkaError,
    Place,
    cut,
    halt,
    is_connected,
    known_partitions,
    leader_ready,
    learn_leaders,
    new_producer,
    place,
)


class KafkaPublisher:
    """Shares one producer between all calls. Calls for one partition are queued in the order they came."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._limits = connection.limits
        self._sending: Sending | None = None
        self._starting = asyncio.Lock()
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
        at, sending = place(topic, partition), self._sending
        if sending is None or not is_connected(sending.producer, at):
            sending = await self._connected(at, len(entries))
        now = time.time_ns() // 1_000_000
        batches = fill(sending.producer, topic, partition, entries, now, self._limits.batch_bytes)
        call = Call(topic, partition, batches, now)
        try:
            async with asyncio.timeout(self._limits.publish_timeout_s):
                sending.submit(call)
                await call.done
        except (TimeoutError, OSError, KafkaError) as error:
            self._replace(sending, error)
            raise _verdict(call, len(entries), error) from error
        return call.acks()

    async def close(self) -> None:
        self._closed = True
        sending, self._sending = self._sending, None
        if sending is not None:
            try:
                async with asyncio.timeout(self._limits.close_timeout_s):
                    await sending.drained()
                    await sending.producer.stop()
            except (TimeoutError, OSError, KafkaError) as error:
                self._halt(sending, error)
        if self._cutting:
            await asyncio.wait(self._cutting)

    async def _started(self) -> Sending:
        if self._sending is not None:
            return self._sending
        async with self._starting:
            if self._sending is None:
                self._sending = await self._new_sending()
            return self._sending

    async def _new_sending(self) -> Sending:
        if self._closed:
            raise KafkaError("the publisher is closed")
        producer = new_producer(self._connection, None)
        try:
            await producer.start()
        except BaseException:
            await cut(producer, self._limits.close_timeout_s)
            raise
        return Sending(producer, self._limits)

    async def _connected(self, at: Place, entries: int) -> Sending:
        """A producer with a connection to the leader. Nothing is sent before, so its failure is certain."""
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                sending = await self._started()
                if at.partition not in await known_partitions(sending.producer, at.topic):
                    await learn_leaders(sending.producer)  # what is known may be older than the partition
                    if at.partition not in await known_partitions(sending.producer, at.topic):
                        raise KafkaError("there is no such partition")
                while not await leader_ready(sending.producer, at):
                    await asyncio.sleep(self._limits.retry_backoff_s)
                return sending
        except (TimeoutError, OSError, KafkaError) as error:
            raise NotPublished(at.topic, at.partition, entries, f"no leader: {error!r}") from error

    def _replace(self, sending: Sending, cause: Exception) -> None:
        """Stop using a producer that failed; the next call starts another one."""
        if self._sending is sending:
            self._sending = None
            self._halt(sending, cause)

    def _halt(self, sending: Sending, cause: Exception) -> None:
        sending.halt(cause)
        halt(sending.producer, cause)
        task = asyncio.ensure_future(cut(sending.producer, self._limits.close_timeout_s))
        self._cutting.add(task)
        task.add_done_callback(self._cutting.discard)


def _verdict(call: Call, entries: int, cause: Exception) -> Exception:
    topic, partition = call.at
    if not call.handed_over:
        return NotPublished(topic, partition, entries, repr(cause))
    return PublishUnknown(topic, partition, entries, repr(cause), call.acks())
