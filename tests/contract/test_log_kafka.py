"""What only the Kafka adapter has: topics to create and check, a cluster to ping, and a producer that it replaces."""

import asyncio
from dataclasses import replace

import pytest

from libs.kafka.admin import TopicMismatch, TopicSpec, ensure_topics, ping
from libs.kafka.failures import LogBroken, LogUnavailable, NotPublished, PublishUnknown
from libs.kafka.publisher import KafkaPublisher
from libs.kafka.untyped import Connection
from tests.contract.logs import QUICK, KafkaCluster, entries, new_name, read, reading, values


@pytest.fixture
def bootstrap(request: pytest.FixtureRequest) -> str:
    address: str = request.getfixturevalue("servers").kafka
    return address


def test_topics_are_created_once_and_then_checked(bootstrap: str) -> None:
    compacted = TopicSpec(new_name("topic"), 3, {"cleanup.policy": "compact"})
    plain = TopicSpec(new_name("topic"), 1)
    asyncio.run(ensure_topics(bootstrap, [compacted]))
    asyncio.run(ensure_topics(bootstrap, [plain, compacted]))
    with pytest.raises(TopicMismatch) as raised:
        asyncio.run(ensure_topics(bootstrap, [compacted._replace(partitions=4)]))
    assert (raised.value.setting, raised.value.expected, raised.value.found) == ("partitions", "4", "3")
    with pytest.raises(TopicMismatch, match=r"cleanup\.policy is compact, expected delete"):
        asyncio.run(ensure_topics(bootstrap, [compacted._replace(config={"cleanup.policy": "delete"})]))
    with pytest.raises(LogBroken, match="rubbish"):
        asyncio.run(ensure_topics(bootstrap, [TopicSpec(new_name("topic"), 1, {"cleanup.policy": "rubbish"})]))


def test_two_processes_may_create_topics_at_once(bootstrap: str) -> None:
    topics = [TopicSpec(new_name("topic"), 2) for _ in range(3)]

    async def both() -> None:
        await asyncio.gather(*[ensure_topics(bootstrap, topics) for _ in range(2)])

    asyncio.run(both())


def test_ping_tells_a_cluster_from_none(bootstrap: str) -> None:
    asyncio.run(ping(bootstrap))
    with pytest.raises(LogUnavailable):
        asyncio.run(ping("127.0.0.1:1"))


def test_whatever_a_publish_runs_into_its_verdict_is_true_and_the_next_one_works(bootstrap: str) -> None:
    asyncio.run(_verdicts(bootstrap))


async def _verdicts(bootstrap: str) -> None:
    """Publishes run out of time at every moment of their way; what they say is compared with what the log has."""
    cluster = KafkaCluster(bootstrap)
    topic = await cluster.topic()
    publisher = KafkaPublisher(Connection(bootstrap, "contract", QUICK))
    await publisher.start()
    said: dict[bytes, str] = {}
    try:
        for n in range(40):
            publisher._limits = replace(QUICK, publish_timeout_s=n % 10 * 0.0002)
            calls = {b"%d-%d" % (n, m): publisher.publish(topic, 0, entries(b"%d-%d" % (n, m))) for m in range(3)}
            outcomes = await asyncio.gather(*calls.values(), return_exceptions=True)
            said |= {value: type(outcome).__name__ for value, outcome in zip(calls, outcomes, strict=True)}
            publisher._limits = QUICK
            await publisher.publish(topic, 0, entries(b"%d-last" % n))
            said[b"%d-last" % n] = "list"
        end = (await (reader := await reading(cluster, topic, {0: 0})).bounds(0)).end
        found = values(await read(reader, end))
    finally:
        await publisher.close()
        await cluster.close()
    assert set(said.values()) >= {"list", NotPublished.__name__}
    assert set(said.values()) <= {"list", NotPublished.__name__, PublishUnknown.__name__}
    assert len(found) == len(set(found))
    for value, outcome in said.items():
        if outcome != PublishUnknown.__name__:
            assert (value in found) == (outcome == "list"), (value, outcome)
