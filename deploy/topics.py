"""The topics of the exchange: created when missing, and at each start checked, setting by setting.

What is wrong is refused by name and never repaired here: a changed clean-up policy or timestamp type has already lost
what it was meant to keep. How many partitions there are, the cluster itself knows once it is there: `outcry partitions
grow` adds some, and one that was interrupted may have added them to some topics only.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final

from deploy.partitions import DEFAULT_PARTITIONS
from libs.events import topics
from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import TopicMismatch, TopicSpec, ensure_topics, partition_counts
from libs.kafka.cluster import Recorder, expect, recorded
from libs.kafka.failures import ClusterMismatch

_CLIENT_ID: Final = "outcry-topics"
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


async def create_and_check(
    bootstrap: str, partitions: int | None = None, audit_hours: int | None = None, cluster: str = "outcry"
) -> None:
    """Create what is missing, and record the cluster in its log. Of one that is there `partitions` may be left out.

    Raises `TopicMismatch` for the first setting that is not as it must be, `ClusterMismatch` for another cluster's log.
    """
    log = KafkaLog(bootstrap, _CLIENT_ID)
    present = await partition_counts(bootstrap, topics.PARTITIONED)
    known = await recorded(log) if topics.PRODUCTS in present else None
    if known is None:
        size = DEFAULT_PARTITIONS if partitions is None else partitions
        await ensure_topics(bootstrap, specifications(size, audit_hours))
        await _record(log, cluster, size)
        return
    expect(known, cluster)
    if partitions not in {None, known.partitions}:
        raise ClusterMismatch(
            f"the cluster {cluster!r} has {known.partitions} partitions and OUTCRY_PARTITIONS says {partitions}: "
            "leave it unset, and to add partitions run ./outcry partitions grow"
        )
    wanted = specifications(known.partitions, audit_hours)
    await ensure_topics(bootstrap, [_perhaps_grown(each, present) for each in wanted])


def _perhaps_grown(wanted: TopicSpec, present: Mapping[str, int]) -> TopicSpec:
    return wanted._replace(partitions=max(wanted.partitions, present.get(wanted.name, 0)))


async def _record(log: KafkaLog, cluster: str, partitions: int) -> None:
    recorder = Recorder(log, cluster)
    await recorder.start()
    try:
        await recorder.record(partitions)
    finally:
        await recorder.close()


def main() -> int:
    """The step of its own that a deployment in containers runs before the services."""
    environment = os.environ
    partitions, hours = (environment.get(name) for name in ("OUTCRY_PARTITIONS", "OUTCRY_AUDIT_HOURS"))
    cluster = environment.get("OUTCRY_CLUSTER") or "outcry"
    step = create_and_check(environment["OUTCRY_KAFKA"], _number(partitions), _number(hours), cluster)
    try:
        asyncio.run(step)
    except (TopicMismatch, ClusterMismatch) as mismatch:
        sys.stderr.write(f"{mismatch}\n")
        return 1
    return 0


def _number(text: str | None) -> int | None:
    return int(text) if text else None


if __name__ == "__main__":
    sys.exit(main())
