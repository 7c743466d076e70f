"""What can go wrong with a log, classed by what the caller can do about it; every message carries the numbers."""

from collections.abc import Sequence

from libs.kafka.ports import Ack
from libs.service.failures import Fatal, Poison, Transient


class LogUnavailable(Transient):
    """The log did not answer within its limit, or refused a connection. Nothing was written."""


class NotAssigned(Transient):
    """The partition was lost in a rebalance; its revocation is on its way or done."""

    def __init__(self, topic: str, partition: int) -> None:
        super().__init__(f"{topic}/{partition} is not assigned to this member")
        self.topic = topic
        self.partition = partition


class CommitRefused(Transient):
    """A group commit came too late: the generation is over, and the next owner reads from what was committed."""


class NotPublished(Transient):
    """Certainly not in the log, and it never will be: nothing of it was handed to a connection."""

    def __init__(self, topic: str, partition: int, entries: int, cause: str) -> None:
        super().__init__(f"{entries} records for {topic}/{partition} were not published: {cause}")
        self.topic = topic
        self.partition = partition
        self.entries = entries


class PublishUnknown(Transient):
    """May be in the log, now or shortly. `acknowledged` covers the first entries of the call, which certainly are."""

    def __init__(self, topic: str, partition: int, entries: int, cause: str, acknowledged: Sequence[Ack] = ()) -> None:
        super().__init__(
            f"{len(acknowledged)} of {entries} records for {topic}/{partition} are published, the others may be: {cause}"
        )
        self.topic = topic
        self.partition = partition
        self.entries = entries
        self.acknowledged = acknowledged


class Aborted(Transient):
    """The transaction is rolled back for sure; this writer is spent, and a new one of its id must be started."""


class Fenced(Fatal):
    """A newer writer of the same transactional id has started: this process no longer owns the partition."""


class TransactionExpired(Fatal):
    """The transaction outlived its time limit. What became of it is for the next owner to read from the log."""


class OffsetOutOfRange(Fatal):
    """A position is not in the log: history was deleted, or the position belongs to another log."""

    def __init__(self, topic: str, partition: int, offset: int, start: int, end: int) -> None:
        super().__init__(f"offset {offset} of {topic}/{partition} is outside the log, which has {start} to {end}")
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.start = start
        self.end = end


class LogBroken(Fatal):
    """The log answers what must not be: a missing topic or partition, a corrupt batch, a refused right."""


class InstanceContested(Fatal):
    """Two processes use one instance id and take the partitions from each other."""


class ListenerFailed(Fatal):
    """A group listener raised; the client library swallows that, so the next poll raises it."""


class ClusterMismatch(Fatal):
    """The log is another cluster's, or this cluster's and not whole."""


class TopicMismatch(Fatal):
    """A topic exists but is not what it must be."""

    def __init__(self, topic: str, setting: str, expected: str, found: str) -> None:
        super().__init__(f"topic {topic}: {setting} is {found}, expected {expected}")
        self.topic = topic
        self.setting = setting
        self.expected = expected
        self.found = found


class RecordTooLarge(Poison):
    """One record does not fit into a batch, so no retry can write it."""

    def __init__(self, topic: str, partition: int, size: int, limit: int) -> None:
        super().__init__(f"a record of {size} bytes for {topic}/{partition} exceeds the limit of {limit} bytes")
        self.size = size
        self.limit = limit
