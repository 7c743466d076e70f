"""The stores of snapshots under test: each world makes any number of clients of one store, as many processes would."""

import secrets
from pathlib import Path
from typing import Protocol

import obstore
from obstore.store import S3Store as Bucket

from deploy.local.servers import Addresses
from libs.events.topics import BOOK_SNAPSHOTS
from libs.kafka.adapter import KafkaLog
from libs.kafka.admin import TopicSpec, ensure_topics
from libs.kafka.memory import Broker, MemoryLog
from libs.snapshots.disk_store import DiskStore
from libs.snapshots.kafka_store import KafkaStore
from libs.snapshots.memory_store import MemoryStore
from libs.snapshots.ports import SnapshotStore
from libs.snapshots.redis_store import RedisStore
from libs.snapshots.s3_store import Place, S3Store

CHUNK = 10
"""Bytes: small, so that the smallest snapshot has several."""


class World(Protocol):
    """Partitions 0 and 1, of nobody else."""

    async def store(self) -> SnapshotStore:
        """A client of its own."""
        ...


class Clients:
    """The clients that one test makes, closed at its end."""

    def __init__(self, made: World) -> None:
        self._made = made
        self._stores: list[SnapshotStore] = []

    async def store(self) -> SnapshotStore:
        self._stores.append(await self._made.store())
        return self._stores[-1]

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


class InMemory:
    def __init__(self) -> None:
        self._store = MemoryStore()

    async def store(self) -> SnapshotStore:
        return self._store


class OnDisk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def store(self) -> SnapshotStore:
        return DiskStore(self._folder, "test", synced=True)


class InMemoryLog:
    def __init__(self) -> None:
        broker = Broker()
        broker.create_topic(BOOK_SNAPSHOTS, 2)
        self.log = MemoryLog(broker)

    async def store(self) -> SnapshotStore:
        return KafkaStore(self.log, CHUNK)


class InKafka:
    def __init__(self, address: str) -> None:
        self._address = address
        self._topic = f"snapshots-{secrets.token_hex(6)}"

    async def store(self) -> SnapshotStore:
        await ensure_topics(self._address, [TopicSpec(self._topic, 2, {"cleanup.policy": "compact"})])
        return KafkaStore(KafkaLog(self._address, "contract"), CHUNK, self._topic)


class InRedis:
    def __init__(self, address: str) -> None:
        self.address = address
        self.cluster = f"test-{secrets.token_hex(6)}"

    async def store(self) -> SnapshotStore:
        return RedisStore(self.address, self.cluster, CHUNK, 5.0)


class InS3:
    def __init__(self, endpoint: str, bucket: str) -> None:
        self.place = Place(bucket, f"books/{secrets.token_hex(6)}", endpoint, "us-east-1", "test", "test")

    async def store(self) -> SnapshotStore:
        return S3Store(self.place, "test", 5.0, 1)

    async def overwrite(self, name: str, data: bytes) -> None:
        """As anybody with the bucket's key might."""
        bucket = Bucket(
            self.place.bucket,
            prefix=self.place.prefix,
            endpoint=self.place.endpoint,
            region=self.place.region,
            access_key_id="test",
            secret_access_key="test",
            client_options={"allow_http": True},
        )
        await obstore.put_async(bucket, name, data)


def world(kind: str, folder: Path, servers: Addresses | None, s3: "tuple[str, str] | None") -> World:
    match kind:
        case "memory":
            return InMemory()
        case "disk":
            return OnDisk(folder)
        case "log":
            return InMemoryLog()
        case "s3" if s3 is not None:
            return InS3(*s3)
        case "kafka" if servers is not None:
            return InKafka(servers.kafka)
        case "redis" if servers is not None:
            return InRedis(servers.redis)
    raise ValueError(kind)
