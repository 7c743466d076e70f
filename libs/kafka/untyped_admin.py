"""The seam to aiokafka's admin client: its untyped answers become named values here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import aiokafka.admin
import aiokafka.admin.config_resource
import aiokafka.errors

from libs.kafka.failures import LogBroken

_NO_ERROR = 0
_UNKNOWN_TOPIC: int = aiokafka.errors.UnknownTopicOrPartitionError.errno
_ALREADY_EXISTS: int = aiokafka.errors.TopicAlreadyExistsError.errno
_CREATE_TIMEOUT_MS = 10_000


class Admin(Protocol):
    """What is called on the client itself."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...


class FoundTopic(NamedTuple):
    """A topic as the cluster has it. `led` says whether every partition has a leader, so that it can be used."""

    partitions: int
    led: bool


def new_admin(bootstrap: str, client_id: str, request_timeout_s: float) -> Admin:
    made: Admin = aiokafka.admin.AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, client_id=client_id, request_timeout_ms=int(request_timeout_s * 1000)
    )
    return made


async def create(admin: Admin, topic: str, partitions: int, replicas: int, config: Mapping[str, str]) -> None:
    """One that was created by another process meanwhile is no error. `replicas` of -1 is the broker's default."""
    wanted = aiokafka.admin.NewTopic(topic, partitions, max(replicas, 1), topic_configs=dict(config))
    wanted.replication_factor = replicas
    answer = await admin.create_topics([wanted], timeout_ms=_CREATE_TIMEOUT_MS)  # type: ignore[attr-defined]  # untyped
    for name, code, message in answer.topic_errors:
        if code not in {_NO_ERROR, _ALREADY_EXISTS}:
            raise LogBroken(f"{name} cannot be created: {message} (code {code})")


async def grow(admin: Admin, topic: str, partitions: int) -> None:
    """Add empty partitions. Raises KafkaError where there are so many already."""
    wanted = {topic: aiokafka.admin.NewPartitions(partitions)}
    await admin.create_partitions(wanted, timeout_ms=_CREATE_TIMEOUT_MS)  # type: ignore[attr-defined]  # untyped


async def describe(admin: Admin, topics: Sequence[str]) -> dict[str, FoundTopic]:
    """What is there of `topics`, by name."""
    found: dict[str, FoundTopic] = {}
    for topic in await admin.describe_topics(list(topics)):  # type: ignore[attr-defined]  # untyped
        if topic["error_code"] == _NO_ERROR:
            leaders = [partition["leader"] for partition in topic["partitions"]]
            found[topic["topic"]] = FoundTopic(len(leaders), bool(leaders) and min(leaders) >= 0)
        elif topic["error_code"] != _UNKNOWN_TOPIC:
            raise LogBroken(f"{topic['topic']} cannot be described (code {topic['error_code']})")
    return found


async def configs(admin: Admin, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """Every setting of every topic, by topic and setting."""
    kind = aiokafka.admin.config_resource.ConfigResourceType.TOPIC
    wanted = [aiokafka.admin.config_resource.ConfigResource(kind, topic) for topic in topics]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(wanted):  # type: ignore[attr-defined]  # untyped
        for code, message, _kind, topic, entries in answer.resources:
            if code != _NO_ERROR:
                raise LogBroken(f"the settings of {topic} cannot be read: {message} (code {code})")
            found[topic] = {entry[0]: entry[1] or "" for entry in entries}
    return found


async def delete_before(admin: Admin, topic: str, partition: int, offset: int) -> None:
    """Delete a partition's records below `offset`, as retention does."""
    at = aiokafka.TopicPartition(topic, partition)
    await admin.delete_records({at: aiokafka.admin.RecordsToDelete(offset)})  # type: ignore[attr-defined]  # untyped
