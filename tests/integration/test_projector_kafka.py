"""The projector on a real Kafka, ended anywhere: what transactions hold back or abort is never seen, the rest is exact."""

import asyncio
import os

from deploy.local.servers import Addresses
from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import TopicSpec, ensure_topics
from libs.kafka.ports import LogReader
from libs.read_model.database import Postgres
from services.read_model_builder.projector import Projector
from tests.unit.read_model.stage import (
    assert_exact,
    connected,
    database,
    process,
    project_all,
    projected,
    publish,
)
from tests.unit.read_model.traffic import Traffic


class Renamed:
    """A log whose `order-events` is a topic of this test's own."""

    def __init__(self, log: KafkaLog, topic: str) -> None:
        self._log = log
        self._topic = topic

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        return self._log.reader(self._topic, committed=committed)


def test_ended_anywhere_it_goes_on_where_postgres_is(servers: Addresses) -> None:
    async def scenario() -> None:
        topic = f"projector-{os.urandom(4).hex()}"
        await ensure_topics(servers.kafka, [TopicSpec(topic, 2)])
        log = KafkaLog(servers.kafka, "projector-test")
        made = [Traffic(0, product_id="P0-USD"), Traffic(1, product_id="P1-USD")]
        for traffic in made:
            traffic.run(600)
            await publish(log, traffic.partition, traffic.events, in_one=400, topic=topic)
        async with database(servers.postgres) as address, connected(address) as connection:
            for share in (6, 3, 2):
                ended = asyncio.create_task(
                    Projector(process(address, batch_events=80), Renamed(log, topic), Postgres(address)).run()
                )
                await projected(connection, {traffic.partition: traffic.state.seq // share for traffic in made})
                ended.cancel()
                await asyncio.wait({ended})
            await project_all(address, Renamed(log, topic), made)
            await assert_exact(address, made)

    asyncio.run(scenario())
