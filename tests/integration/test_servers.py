"""The servers that the session fixture promises really answer to the clients that the product uses."""

import asyncio

import asyncpg
import redis.asyncio
from aiokafka.client import AIOKafkaClient
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.servers import Addresses


async def _database(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT current_database()"))
    finally:
        await connection.close()


async def _ping(url: str) -> bool:
    async with redis.asyncio.from_url(url) as client:
        return bool(await client.ping())


def test_postgres_answers_to_asyncpg(servers: Addresses) -> None:
    assert asyncio.run(_database(servers.postgres)) == "outcry"


def test_the_postgres_url_is_one_for_sqlalchemy(servers: Addresses) -> None:
    async def database() -> str:
        engine = create_async_engine(make_url(servers.postgres).set(drivername="postgresql+asyncpg"))
        try:
            async with engine.connect() as connection:
                return str((await connection.execute(text("SELECT current_database()"))).scalar_one())
        finally:
            await engine.dispose()

    assert asyncio.run(database()) == "outcry"


def test_valkey_answers_to_redis(servers: Addresses) -> None:
    assert asyncio.run(_ping(servers.redis))


def test_kafka_has_a_broker_that_can_hold_partitions(servers: Addresses) -> None:
    async def brokers() -> int:
        client = AIOKafkaClient(bootstrap_servers=servers.kafka)
        await client.bootstrap()
        try:
            return len(client.cluster.brokers())
        finally:
            await client.close()

    assert asyncio.run(brokers()) == 1
