"""What the log says of the cluster it belongs to: a name, and how many partitions new products are spread over.

One record in the topic `products`. Whoever has another idea of it must not start: under another name a worker would
fence nobody, and an order_api would know of no repeats.
"""

import asyncio
from typing import Final, Protocol

from libs.events.codec import Unreadable, decode_cluster, encode
from libs.events.topics import CLUSTER_KEY, CLUSTER_PARTITION, ORDER_EVENTS, PRODUCTS
from libs.events.values import Cluster
from libs.kafka.failures import ClusterMismatch, LogBroken, LogUnavailable
from libs.kafka.ports import Entry, LogReader, Outbox, Record, TransactionalWriter

_POLL_RECORDS: Final = 1_000
_POLL_S: Final = 0.2
_LOOK_S: Final = 0.05
READABLE_S: Final = 10.0
"""From the commit of a record until its marker is in the log."""


class Readable(Protocol):
    """What of a log is asked."""

    def reader(self, topic: str, *, committed: bool = True) -> LogReader: ...


class Writable(Readable, Protocol):
    """What of a log is needed to change the record."""

    def transactional_writer(self, transactional_id: str) -> TransactionalWriter: ...


async def agree(log: Readable, name: str) -> None:
    """Raises ClusterMismatch (Fatal) unless the log is of the cluster `name`, or of none yet, and has its partitions."""
    found = await recorded(log)
    if found is None:
        return
    expect(found, name)
    reader = log.reader(ORDER_EVENTS)
    await reader.start()
    try:
        present = len(await reader.partitions())
    finally:
        await reader.stop()
    if present < found.partitions:
        raise ClusterMismatch(
            f"the cluster {found.name!r} has {found.partitions} partitions, and {ORDER_EVENTS} has {present}: "
            "this is not its log, or part of it is lost"
        )


def expect(found: Cluster, name: str) -> None:
    """Raises ClusterMismatch (Fatal) for a cluster of another name."""
    if found.name != name:
        raise ClusterMismatch(
            f"this log belongs to the cluster {found.name!r}, and OUTCRY_CLUSTER says {name!r}: set it to {found.name!r}, "
            "or use another Kafka (one Kafka serves one cluster)"
        )


async def recorded(log: Readable) -> Cluster | None:
    """The newest record; None where there is none yet."""
    reader = log.reader(PRODUCTS)
    await reader.start()
    found: Cluster | None = None
    try:
        start, end = await reader.bounds(CLUSTER_PARTITION)
        reader.assign({CLUSTER_PARTITION: start})
        while reader.position(CLUSTER_PARTITION) < end:
            for records in (await reader.poll(_POLL_RECORDS, _POLL_S)).values():
                for record in records:
                    found = of_record(record) or found
    finally:
        await reader.stop()
    return found


def of_record(record: Record) -> Cluster | None:
    """None of a record about something else. Raises LogBroken."""
    if record.key != CLUSTER_KEY:
        return None
    try:
        cluster: Cluster = decode_cluster(record.value or b"")
    except Unreadable as error:
        raise LogBroken(
            f"{PRODUCTS}/{record.partition}@{record.offset} says nothing of the cluster: {error}"
        ) from error
    return cluster


class Recorder:
    """Changes the record. Who starts one fences whoever did before, so that two never change it at once."""

    def __init__(self, log: Writable, name: str) -> None:
        self._log = log
        self._name = name
        self._writer = log.transactional_writer(f"{name}-cluster")

    async def start(self) -> None:
        await self._writer.start()

    async def record(self, partitions: int) -> None:
        """Until whoever reads the log reads this. Raises Fenced when another one has started since."""
        said = Cluster(self._name, partitions)
        await self._writer.commit([Outbox(PRODUCTS, CLUSTER_PARTITION, [Entry(CLUSTER_KEY, encode(said))])], None)
        await self._until_readable(said)

    async def _until_readable(self, said: Cluster) -> None:
        """A commit is acknowledged before its marker is written, and the first of a producer long before."""
        try:
            async with asyncio.timeout(READABLE_S):
                while await recorded(self._log) != said:
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            raise LogUnavailable(f"{said} was committed, and cannot be read after {READABLE_S} s") from error

    async def close(self) -> None:
        await self._writer.close()
