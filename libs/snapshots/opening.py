"""The store that the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from libs.kafka.ports import Log
from libs.service.clock import Clock
from libs.service.logging import Log as Logger
from libs.service.settings import SettingsError, variable
from libs.snapshots.disk_store import DiskStore
from libs.snapshots.kafka_store import KafkaStore
from libs.snapshots.memory_store import MemoryStore
from libs.snapshots.ports import SnapshotStore
from libs.snapshots.settings import SnapshotSettings
from libs.snapshots.snapshots import Snapshots


@asynccontextmanager
async def opened(settings: SnapshotSettings, log: Log, clock: Clock, logger: Logger) -> AsyncIterator[Snapshots]:
    """Raises SettingsError for an address that does not fit the store. Nothing is connected before it is used."""
    store = store_of(settings, log)
    found = Snapshots(store, settings.cluster, settings.snapshots_kept, clock, logger, cache_of(settings))
    try:
        yield found
    finally:
        await found.close()


def store_of(settings: SnapshotSettings, log: Log) -> SnapshotStore:
    cluster, url, timeout_s = settings.cluster, settings.snapshots_url, settings.snapshot_timeout_ms / 1000
    match settings.snapshots:
        case "kafka" | "memory" if url:
            raise _unfit(url, f"the store {settings.snapshots} has no address", "nothing would do")
        case "kafka":
            return KafkaStore(log, settings.snapshot_chunk_bytes)
        case "memory":
            return MemoryStore()
        case "disk":
            folder = Path(url.removeprefix("file://")) if url else Path(settings.data_dir) / "snapshots"
            return DiskStore(folder, cluster, synced=True)
        case "redis":
            from libs.snapshots.redis_store import RedisStore  # a worker carries only the client that it uses

            address = url or settings.redis
            if urlsplit(address).scheme not in {"redis", "rediss", "unix"}:
                raise _unfit(address, "no address of a Redis", "redis://host:6379/1 would do")
            return RedisStore(address, cluster, settings.snapshot_chunk_bytes, timeout_s)
        case "s3":
            return _s3(settings, timeout_s)


def cache_of(settings: SnapshotSettings) -> SnapshotStore | None:
    """Before what is on another machine."""
    if not settings.snapshot_cache or settings.snapshots in {"disk", "memory"}:
        return None
    return DiskStore(Path(settings.data_dir) / "snapshot-cache", settings.cluster, synced=False, name="cache")


def _s3(settings: SnapshotSettings, timeout_s: float) -> SnapshotStore:
    from libs.snapshots.s3_store import Place, S3Store  # a worker carries only the client that it uses

    parts = urlsplit(settings.snapshots_url)
    if parts.scheme != "s3" or not parts.netloc:
        raise _unfit(settings.snapshots_url, "no address of a bucket", "s3://bucket/prefix would do")
    place = Place(
        parts.netloc,
        parts.path.strip("/"),
        settings.snapshots_s3_endpoint,
        settings.snapshots_s3_region,
        settings.snapshots_s3_access_key_id,
        settings.snapshots_s3_secret_access_key,
    )
    return S3Store(place, settings.cluster, timeout_s, settings.snapshot_retries)


def _unfit(value: str, problem: str, fitting: str) -> SettingsError:
    return SettingsError(variable("snapshots_url"), value, problem, fitting)
