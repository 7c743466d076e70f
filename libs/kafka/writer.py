"""Transactions on Kafka: records and input offset of one batch, all or nothing.

aiokafka commits a transaction even when a batch in it failed and nobody looked, retries without a deadline, and
counts a failed batch's sequence numbers as used. Hence: every future is awaited before the offset is sent, one time
limit covers the whole commit, and a writer that failed once is spent.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from libs.kafka.batches import fill
from libs.kafka.failures import Aborted, Fenced, LogUnavailable, TransactionExpired
from libs.kafka.ports import InputOffset, Outbox
from libs.kafka.untyped import (
    FENCED,
    Builder,
    Connection,
    KafkaError,
    Metadata,
    Producer,
    cut,
    halt,
    is_transaction_broken,
    new_producer,
    place,
    retrieve,
)


class KafkaTransactionalWriter:
    """One producer under one transactional id. `ended` holds why it can be used no more."""

    def __init__(self, connection: Connection, transactional_id: str) -> None:
        self._connection = connection
        self._id = transactional_id
        self._limits = connection.limits
        self._producer: Producer | None = None
        self._ended: Exception | None = None

    async def start(self) -> None:
        producer = new_producer(self._connection, self._id)
        try:
            async with asyncio.timeout(self._limits.start_timeout_s):
                await producer.start()
        except BaseException as error:
            await cut(producer, self._limits.close_timeout_s)
            if isinstance(error, TimeoutError | OSError | KafkaError):
                raise LogUnavailable(f"transactional id {self._id} cannot start: {error!r}") from error
            raise
        self._producer = producer

    async def commit(self, outboxes: Sequence[Outbox], offset: InputOffset | None) -> Sequence[int]:
        producer = self._usable()
        batches = [self._fill(producer, outbox) for outbox in outboxes]
        # If this call is cancelled, or raises what it does not expect, the writer stays in this state.
        self._ended = Aborted(f"the commit of {self._id} was given up before its end")
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.commit_timeout_s):
                bases = await self._write(producer, outboxes, batches, offset)
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
        self,
        producer: Producer,
        outboxes: Sequence[Outbox],
        batches: Sequence[Sequence[Builder]],
        offset: InputOffset | None,
    ) -> list[int]:
        await producer.begin_transaction()
        sent: list[list[asyncio.Future[Metadata]]] = [[] for _ in outboxes]
        try:
            for index, batch in _in_waves(batches):
                outbox = outboxes[index]
                sent[index].append(await producer.send_batch(batch, outbox.topic, partition=outbox.partition))
            bases = await _base_offsets(sent)
        except BaseException:
            for future in _flat(sent):
                future.add_done_callback(retrieve)
            raise
        if offset is not None:
            at = place(offset.topic, offset.partition)
            await producer.send_offsets_to_transaction({at: offset.next_offset}, offset.group)
        return bases

    async def _end(self, producer: Producer) -> None:
        await producer.commit_transaction()

    async def _failure(self, producer: Producer, error: Exception, elapsed: float) -> Exception:
        """What a failed commit means for the caller; rolls back what can still be rolled back."""
        broken = is_transaction_broken(producer)
        if isinstance(error, TimeoutError) or elapsed >= self._limits.transaction_timeout_s:
            return TransactionExpired(f"the transaction of {self._id} did not end within {elapsed:.1f} s")
        if _is_fence(error):
            return Fenced(f"transactional id {self._id} has a newer writer, found after {elapsed:.3f} s: {error!r}")
        if isinstance(self._ended, TransactionExpired):
            return TransactionExpired(f"the end of the transaction of {self._id} is unknown: {error!r}")
        if not broken:
            await self._roll_back(producer)
        return Aborted(f"the transaction of {self._id} is rolled back after {elapsed:.3f} s: {error!r}")

    async def _roll_back(self, producer: Producer) -> None:
        """Rolled back it is either way, for no commit was sent; this spares committed readers the wait for that."""
        try:
            async with asyncio.timeout(self._limits.close_timeout_s):
                await producer.abort_transaction()
        except (TimeoutError, OSError, KafkaError):
            is_transaction_broken(producer)


def _in_waves(batches: Sequence[Sequence[Builder]]) -> Iterator[tuple[int, Builder]]:
    """First batches of all outboxes, then second ones: all partitions join the transaction in one request."""
    for wave in zip_longest(*batches):
        for index, batch in enumerate(wave):
            if batch is not None:
                yield index, batch


async def _base_offsets(sent: Sequence[Sequence["asyncio.Future[Metadata]"]]) -> list[int]:
    """Awaits every future, also after one failed: an exception that nobody saw would be a record that is gone."""
    results = await asyncio.gather(*_flat(sent), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
        if result.offset < 0:
            raise KafkaError("the broker acknowledged a batch without saying where it is")
    return [futures[0].result().offset if futures else -1 for futures in sent]


def _flat(sent: Sequence[Sequence["asyncio.Future[Metadata]"]]) -> "list[asyncio.Future[Metadata]]":
    return [future for futures in sent for future in futures]


def _is_fence(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, FENCED):
            return True
        error = error.__cause__
    return False
