"""Topics as they must be, and whether the cluster answers.

A topic that exists is checked and never changed: a wrong partition count or timestamp type in a log that has data is
for a person to decide about.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from libs.kafka.failures import LogBroken, LogUnavailable, TopicMismatch
from libs.kafka.untyped import KafkaError
from libs.kafka.untyped_admin import Admin, configs, create, describe, grow, new_admin

__all__ = ["TopicMismatch", "TopicSpec", "ensure_topics", "grow_topics", "partition_counts", "ping"]

_CLIENT_ID = "outcry-admin"
_LED_POLL_S = 0.05
_TOPICS_TIMEOUT_S = 30.0
_PING_TIMEOUT_S = 2.0


class TopicSpec(NamedTuple):
    """What a topic must be: settings by Kafka's names. `replicas` of -1 is the broker's default, and not checked."""

    name: str
    partitions: int
    config: Mapping[str, str] = {}
    replicas: int = -1


async def ensure_topics(bootstrap: str, topics: Sequence[TopicSpec], timeout: float = _TOPICS_TIMEOUT_S) -> None:
    """Create what is missing, and wait until it can be used; check all.

    Raises `TopicMismatch` (Fatal) for the first setting that is not as given, `LogUnavailable` within `timeout` seconds.
    """
    names = [topic.name for topic in topics]
    async with _admin(bootstrap, timeout) as admin:
        present = await describe(admin, names)
        for topic in topics:
            if topic.name not in present:
                await create(admin, topic.name, topic.partitions, topic.replicas, topic.config)
        await _led(admin, names)
        present, settings = await describe(admin, names), await configs(admin, names)
    for topic in topics:
        _check(topic, present[topic.name].partitions, settings[topic.name])


async def partition_counts(bootstrap: str, names: Sequence[str], timeout: float = _TOPICS_TIMEOUT_S) -> dict[str, int]:
    """Of those that are there. Raises `LogUnavailable`."""
    async with _admin(bootstrap, timeout) as admin:
        return {name: found.partitions for name, found in (await describe(admin, names)).items()}


async def grow_topics(
    bootstrap: str, names: Sequence[str], partitions: int, timeout: float = _TOPICS_TIMEOUT_S
) -> None:
    """Add empty partitions in this order of topics, and wait until all can be used. What has as many stays as it is.

    Raises `LogBroken` for a topic that is not there, `LogUnavailable` within `timeout` seconds.
    """
    async with _admin(bootstrap, timeout) as admin:
        present = await describe(admin, names)
        missing = [name for name in names if name not in present]
        if missing:
            raise LogBroken(f"there is no topic {missing[0]}")
        for name in names:
            if present[name].partitions < partitions:
                await grow(admin, name, partitions)
                await _led(admin, (name,), partitions)


async def ping(bootstrap: str, timeout: float = _PING_TIMEOUT_S) -> None:
    """Raises `LogUnavailable` when no broker answers a metadata request within `timeout` seconds."""
    async with _admin(bootstrap, timeout):
        pass


def _check(topic: TopicSpec, partitions: int, settings: Mapping[str, str]) -> None:
    if partitions != topic.partitions:
        raise TopicMismatch(topic.name, "partitions", str(topic.partitions), str(partitions))
    for setting, expected in topic.config.items():
        found = settings.get(setting, "unknown to the broker")
        if found != expected:
            raise TopicMismatch(topic.name, setting, expected, found)


async def _led(admin: Admin, names: Sequence[str], partitions: int = 1) -> None:
    """A new partition is there before it has a leader, and who writes meanwhile is sent away."""
    while True:
        present = await describe(admin, names)
        if all(name in present and present[name].led and present[name].partitions >= partitions for name in names):
            return
        await asyncio.sleep(_LED_POLL_S)


@asynccontextmanager
async def _admin(bootstrap: str, timeout: float) -> AsyncIterator[Admin]:
    admin = new_admin(bootstrap, _CLIENT_ID, timeout)
    try:
        async with asyncio.timeout(timeout):
            await admin.start()
            yield admin
    except (TimeoutError, OSError, KafkaError) as error:
        raise LogUnavailable(f"the log at {bootstrap} did not answer within {timeout} s: {error!r}") from error
    finally:
        await admin.close()
