"""The topics of the exchange: created when missing, and at each start checked, setting by setting.

What is wrong is refused by name and never repaired here: a changed number of partitions moves products, and a
changed clean-up policy or timestamp type has already lost what it was meant to keep.
"""

import asyncio
import os
import sys
from typing import Final

from deploy.partitions import DEFAULT_PARTITIONS
from libs.events import topics
from libs.kafka.admin import TopicMismatch, TopicSpec, ensure_topics

FOREVER: Final = "-1"
SNAPSHOT_SEGMENT_BYTES: Final = 32 * 1024 * 1024
HOUR_MS: Final = 3_600_000


def specifications(partitions: int, audit_hours: int | None) -> tuple[TopicSpec, ...]:
    """Every topic. Commands are kept for `audit_hours`, without a limit when that is None."""
    audit = FOREVER if audit_hours is None else str(audit_hours * HOUR_MS)
    log = {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "retention.bytes": FOREVER}
    kept = log | {"retention.ms": FOREVER}
    compacted = {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"}
    # Superseded chunks are big and many: compact early, in small segments.
    snapshots = compacted | {"segment.bytes": str(SNAPSHOT_SEGMENT_BYTES), "min.cleanable.dirty.ratio": "0.2"}
    return (
        # One clock rules a partition: the broker's, at the append.
        TopicSpec(topics.ORDERS, partitions, log | {"retention.ms": audit, "message.timestamp.type": "LogAppendTime"}),
        TopicSpec(topics.ORDER_EVENTS, partitions, kept),
        *(TopicSpec(name, partitions, log | {"retention.ms": audit}) for name in topics.RETRIES),
        TopicSpec(topics.DLQ, partitions, kept),
        TopicSpec(topics.BOOK_SNAPSHOTS, partitions, snapshots),
        TopicSpec(topics.PRODUCTS, partitions, compacted),
        TopicSpec(topics.WORKER_ATTEMPTS, 1, compacted),
        TopicSpec(topics.API_KEYS, 1, compacted),
        TopicSpec(topics.OPERATOR_TASKS, 1, compacted),
        TopicSpec(topics.OPERATOR_AUDIT, 1, kept),
    )


async def create_and_check(bootstrap: str, partitions: int, audit_hours: int | None = None) -> None:
    """Create what is missing; raises `TopicMismatch` for the first setting that is not as it must be."""
    await ensure_topics(bootstrap, specifications(partitions, audit_hours))


def main() -> int:
    """The step of its own that a deployment in containers runs before the services."""
    hours = os.environ.get("OUTCRY_AUDIT_HOURS")
    partitions = int(os.environ.get("OUTCRY_PARTITIONS", DEFAULT_PARTITIONS))
    try:
        asyncio.run(create_and_check(os.environ["OUTCRY_KAFKA"], partitions, int(hours) if hours else None))
    except TopicMismatch as mismatch:
        sys.stderr.write(f"{mismatch}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
