"""Writing in memory, in the same steps as on Kafka, each of which can be made to fail."""

import asyncio
from collections.abc import Sequence

from libs.kafka.failures import Aborted, Fenced, LogUnavailable, NotPublished, TransactionExpired
from libs.kafka.memory.broker import Broker
from libs.kafka.memory.faults import Point
from libs.kafka.memory.storage import Transaction, check_sizes
from libs.kafka.ports import Ack, Entry, InputOffset, Outbox
from libs.service.clock import NANOSECONDS


class MemoryTransactionalWriter:
    """One owner of a transactional id. `ended` holds why it can be used no more."""

    def __init__(self, broker: Broker, transactional_id: str) -> None:
        self._broker = broker
        self._id = transactional_id
        self._epoch: int | None = None
        self._ended: Exception | None = None

    async def start(self) -> None:
        await self._broker.faults.reach(Point.CONNECT, self._id)
        self._broker.reachable()
        self._epoch = self._broker.transactions.take(self._id)
        self._broker.notify()

    async def commit(self, outboxes: Sequence[Outbox], offset: InputOffset | None) -> Sequence[int]:
        if self._ended is not None:
            raise type(self._ended)(*self._ended.args) from self._ended
        if self._epoch is None:
            raise RuntimeError(f"the writer {self._id} is not started")
        for outbox in outboxes:
            check_sizes(*outbox, self._broker.limits.batch_bytes)
        # If this call is cancelled, or raises what it does not expect, the writer stays in this state.
        self._ended = Aborted(f"the commit of {self._id} was given up before its end")
        try:
            bases = await self._commit(self._epoch, outboxes, offset)
        except (Aborted, Fenced, TransactionExpired) as error:
            self._ended = error
            raise
        except LogUnavailable as error:
            self._ended = TransactionExpired(f"the log went away in a transaction of {self._id}: {error}")
            raise self._ended from error
        self._ended = None
        return bases

    async def close(self) -> None:
        """An open transaction stays open: the log ends it, by fence or by timeout."""
        self._ended = Aborted(f"the writer {self._id} is closed")

    async def _commit(self, epoch: int, outboxes: Sequence[Outbox], offset: InputOffset | None) -> list[int]:
        transactions, now = self._broker.transactions, self._broker.time.now()
        await self._reach(Point.BEGIN, now)
        self._broker.reachable()
        transaction = transactions.begin(self._id, epoch, now, self._broker.limits.transaction_timeout_s)
        bases = [self._append(outbox, transaction) for outbox in outboxes]
        self._broker.notify()
        try:
            await self._reach(Point.SENT, now, transaction)
            transaction.offset = offset
            await self._reach(Point.END, now, transaction)
        except Aborted:
            transactions.abort(transaction)
            self._broker.notify()
            raise
        transactions.commit(transaction)
        self._broker.notify()
        self._ended = TransactionExpired(f"the commit of {self._id} was given up at its end")
        await self._reach(Point.ENDED, now)
        return bases

    async def _reach(self, point: Point, began: int, transaction: Transaction | None = None) -> None:
        """Let faults happen, within the time limit of the commit. Is the transaction still ours, and the log there?"""
        limit = self._broker.limits.commit_timeout_s
        left = limit - (self._broker.time.now() - began) / NANOSECONDS
        reaching = asyncio.ensure_future(self._broker.faults.reach(point, self._id))
        try:
            await self._broker.time.wait(reaching, left)
            if not reaching.done():
                raise TransactionExpired(f"the commit of {self._id} did not end within {limit} s")
            reaching.result()
        finally:
            reaching.cancel()
        if transaction is not None:
            self._broker.reachable()
            self._broker.transactions.check(transaction)

    def _append(self, outbox: Outbox, transaction: Transaction) -> int:
        if not outbox.entries:
            return -1
        partition = self._broker.partition(outbox.topic, outbox.partition)
        return partition.append(outbox.entries, self._broker.now_ms(), transaction)


class MemoryPublisher:
    """Every call is one append."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._closed = False

    async def start(self) -> None:
        self._broker.reachable()

    async def publish(self, topic: str, partition: int, entries: Sequence[Entry]) -> Sequence[Ack]:
        if not entries:
            return ()
        check_sizes(topic, partition, entries, self._broker.limits.batch_bytes)
        await self._broker.faults.reach(Point.PUBLISH, topic)
        if self._broker.away or self._closed:
            raise NotPublished(topic, partition, len(entries), "the log is away")
        partitions = self._broker.topic(topic)
        if not 0 <= partition < len(partitions):
            raise NotPublished(topic, partition, len(entries), "there is no such partition")
        now_ms = self._broker.now_ms()
        base = partitions[partition].append(entries, now_ms, None)
        appended = partitions[partition].last_ms
        self._broker.notify()
        await self._broker.faults.reach(Point.PUBLISHED, topic)
        return [Ack(base + index, appended) for index in range(len(entries))]

    async def close(self) -> None:
        self._closed = True
