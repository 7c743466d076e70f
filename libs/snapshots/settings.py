"""Where snapshots are kept: one choice, what it needs, and every limit by name. The worker and `outcry snapshot` read it."""

from typing import Annotated, Literal

import msgspec

from libs.service.settings import Settings

Kind = Literal["kafka", "disk", "redis", "s3", "memory"]
Positive = Annotated[int, msgspec.Meta(ge=1)]
ChunkBytes = Annotated[int, msgspec.Meta(ge=1, le=524_288)]


class SnapshotSettings(Settings, frozen=True, kw_only=True):
    snapshots: Kind = "kafka"
    """The store."""
    snapshots_url: str = ""
    """disk: a folder (empty: `snapshots` in the data directory). redis: `redis://…` (empty: OUTCRY_REDIS).
    s3: `s3://bucket/prefix`. The others take none."""
    snapshots_s3_endpoint: str = ""
    """`https://host:port` of what speaks S3; empty is the platform's."""
    snapshots_s3_region: str = ""
    snapshots_s3_access_key_id: str = ""
    """Empty: what the platform gives (AWS_… variables, the machine's role)."""
    snapshots_s3_secret_access_key: str = ""
    snapshot_cache: bool = True
    """Keep the newest of each partition on this machine too, before kafka, redis and s3."""
    snapshot_chunk_bytes: ChunkBytes = 512 * 1024
    """Of one Kafka record, or of one call to Redis."""
    snapshots_kept: Positive = 3
    """Of a partition in the store; the cache has one."""
    snapshot_timeout_ms: Positive = 5_000
    """Of one request to Redis or S3."""
    snapshot_retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    """Of one request to S3."""
