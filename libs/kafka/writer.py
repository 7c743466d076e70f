"""Transactions on Kafka: records and input offset of one batch, all or nothing.

aiokafka connects and starts the producer; what a transaction consists of is sent from here (`requests`), because
aiokafka's own way takes three round trips and several tasks, commits a transaction even when a batch in it failed and
nobody looked, and retries without a deadline. Here every answer is looked at before the end is sent, one time limit
covers the whole commit, and a writer that failed once is spent.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import zip_longest

from libs.kafka.batches import fill
from libs.kafka.failures import Aborted, Fenced, LogUnavailable, TransactionExpired
from libs.kafka.ports import InputOffset, Outbox
from libs.kafka.requests import Requests
from libs.kafka.untyped import (
    FENCED,
    Builder,
    Connection,
    KafkaError,
    Producer,
    cut,
    halt,
    new_producer,
    producer_identity,
    sealed,
)
from libs.kafka.wire import Batch, Owner


class KafkaTransactionalWriter:
    """One producer under one transactional id. `ended` holds why it can be used no more."""

    def __init__(self, connection: Connection, transactional_id: str) -> None:
        self._connection = connection
        self._id = transactional_id
        self._limits = connection.limits
        self._producer: Producer | None = None
        self._owner = Owner(transactional_id, -1, -1)
        """Of the next transaction."""
        self._ended: Exception | None = None

    async def start(self) -> None:
        producer = new_producer(self._connection, self._id)
        try:
            async with asyncio.timeout(self._limits.start_timeout_s):
                await producer.start()
                await Requests(producer, self._limits).check(self._id)
        except BaseException as error:
            await cut(producer, self._limits.close_timeout_s)
            if isinstance(error, TimeoutError | OSError | KafkaError):
                raise LogUnavailable(f"transactional id {self._id} cannot start: {error!r}") from error
            raise
        self._owner = producer_identity(producer, self._id)
        self._producer = producer

    async def commit(self, outboxes: Sequence[Outbox], offset: InputOffset | None) -> Sequence[int]:
        producer = self._usable()
        batches = [self._fill(producer, outbox) for outbox in outboxes]
        if offset is None and not any(batches):
            return [-1] * len(outboxes)
        # If this call is cancelled, or raises what it does not expect, the writer stays in this state.
        self._ended = Aborted(f"the commit of {self._id} was given up before its end")
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.commit_timeout_s):
                requests = Requests(producer, self._limits)
                bases = await self._write(requests, outboxes, batches)
                if offset is not None:
                    await requests.commit_offset(self._owner, offset)
                self._ended = TransactionExpired(f"the commit of {self._id} was given up at its end")
                await self._end(producer)
        except (TimeoutError, OSError, KafkaError) as error:
            self._ended = await self._failure(producer, error, time.monotonic() - began)
            raise self._ended from error
        self._ended = None
        return bases

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        failed, self._ended = self._ended, Aborted(f"the writer {self._id} is closed")
        if failed is not None or not await self._stopped(producer):
            halt(producer, self._ended)  # what was in flight, the log aborts
            await cut(producer, self._limits.close_timeout_s)

    async def _stopped(self, producer: Producer) -> bool:
        try:
            async with asyncio.timeout(self._limits.close_timeout_s):
                await producer.stop()
        except (TimeoutError, OSError, KafkaError):
            return False
        return True

    def _usable(self) -> Producer:
        if self._ended is not None:
            raise type(self._ended)(*self._ended.args) from self._ended
        if self._producer is None:
            raise RuntimeError(f"the writer {self._id} is not started")
        return self._producer

    def _fill(self, producer: Producer, outbox: Outbox) -> list[Builder]:
        now = time.time_ns() // 1_000_000
        return fill(producer, *outbox, now, self._limits.batch_bytes)

    async def _write(
        self, requests: Requests, outboxes: Sequence[Outbox], batches: Sequence[Sequence[Builder]]
    ) -> list[int]:
        """The first batches of all outboxes in one request, then the second ones."""
        bases = [-1] * len(outboxes)
        sequences = [0] * len(outboxes)
        for number, wave in enumerate(zip_longest(*batches)):
            sending: list[Batch] = []
            senders: dict[tuple[str, int], int] = {}
            for index, batch in enumerate(wave):
                if batch is not None:
                    topic, partition, _ = outboxes[index]
                    sending.append(Batch(topic, partition, sealed(batch, self._owner, sequences[index])))
                    sequences[index] += batch.record_count()
                    senders[topic, partition] = index
            for answer in await requests.write(self._id, sending):
                if number == 0:
                    bases[senders[answer.topic, answer.partition]] = answer.base_offset
        return bases

    async def _end(self, producer: Producer) -> None:
        self._owner = await Requests(producer, self._limits).end(self._owner, commit=True)

    async def _failure(self, producer: Producer, error: Exception, elapsed: float) -> Exception:
        """What a failed commit means for the caller; rolls back what can still be rolled back."""
        if isinstance(error, TimeoutError) or elapsed >= self._limits.transaction_timeout_s:
            return TransactionExpired(f"the transaction of {self._id} did not end within {elapsed:.1f} s")
        if isinstance(error, FENCED):
            return Fenced(f"transactional id {self._id} has a newer writer, found after {elapsed:.3f} s: {error!r}")
        if isinstance(self._ended, TransactionExpired):
            return TransactionExpired(f"the end of the transaction of {self._id} is unknown: {error!r}")
        await self._roll_back(producer)
        return Aborted(f"the transaction of {self._id} is rolled back after {elapsed:.3f} s: {error!r}")

    async def _roll_back(self, producer: Producer) -> None:
        """Rolled back it is either way, for no commit was sent; this spares committed readers the wait for that."""
        try:
            async with asyncio.timeout(self._limits.close_timeout_s):
                await Requests(producer, self._limits).end(self._owner, commit=False)
        except (TimeoutError, OSError, KafkaError):
            return
