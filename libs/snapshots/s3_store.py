"""Snapshots in S3, or whatever speaks it: one object each, which appears when all of it has arrived.

`<prefix>/<cluster>/partition-3/00000000000000004711.snapshot`. Without a key in the settings the client takes what
the platform gives: AWS_… variables, a profile of the machine.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from libs.snapshots.envelope import HEAD_BYTES_MOST, parted
from libs.snapshots.ports import Found, Sealed, StoreAway, superseded

if TYPE_CHECKING:
    from obstore.store import S3Config  # a type of the stubs alone

_SUFFIX: Final = ".snapshot"
_DEBUG: Final = "Debug source"
"""What stands behind it in a message is the client's own state."""


class Place(NamedTuple):
    """Empty texts stand for what the platform says."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str


class S3Store:
    name = "s3"

    def __init__(self, place: Place, cluster: str, timeout_s: float, retries: int) -> None:
        """`timeout_s` of one request, `retries` after it; each part of a large object is a request."""
        self._cluster = cluster
        self._bucket_name = place.bucket
        self._bucket = _bucket(place, timeout_s, retries)

    async def put(self, partition: int, sealed: Sealed) -> None:
        with self._away():
            await obstore.put_async(self._bucket, self._path(partition, sealed.seq), sealed.head + sealed.data)

    async def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        for seq, size in sorted((await self._sizes(partition)).items(), reverse=True):
            found = await self._read(partition, seq, size, heads_only)
            if found is not None:
                yield found

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        old = superseded(await self._sizes(partition), seq, kept)
        if old:
            with self._away():
                await obstore.delete_async(self._bucket, [self._path(partition, each) for each in old])

    async def close(self) -> None:
        return

    def _folder(self, partition: int) -> str:
        return f"{self._cluster}/partition-{partition}"

    def _path(self, partition: int, seq: int) -> str:
        return f"{self._folder(partition)}/{seq:020}{_SUFFIX}"

    async def _sizes(self, partition: int) -> dict[int, int]:
        """Bytes of each object by seq."""
        with self._away():
            listed = await obstore.list(self._bucket, prefix=self._folder(partition)).collect_async()
        names = {each["path"].rpartition("/")[2]: each["size"] for each in listed}
        stems = {name.removesuffix(_SUFFIX): size for name, size in names.items() if name.endswith(_SUFFIX)}
        return {int(stem): size for stem, size in stems.items() if stem.isascii() and stem.isdigit()}

    async def _read(self, partition: int, seq: int, size: int, heads_only: bool) -> Found | None:
        """None when it was superseded meanwhile."""
        path, wanted = self._path(partition, seq), min(size, HEAD_BYTES_MOST)
        with self._away():
            try:
                if not heads_only:
                    whole = bytes(await (await obstore.get_async(self._bucket, path)).bytes_async())
                elif wanted:
                    whole = bytes(await obstore.get_range_async(self._bucket, path, start=0, end=wanted))
                else:
                    whole = b""
            except FileNotFoundError:
                return None
        head, data = parted(whole)
        return Found(seq, head, b"" if heads_only else data, size - len(head) if heads_only else len(data))

    @contextmanager
    def _away(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            said = " ".join(str(error).partition(_DEBUG)[0].split())
            raise StoreAway(f"s3 bucket {self._bucket_name}: {type(error).__name__}: {said}") from error


def _bucket(place: Place, timeout_s: float, retries: int) -> Bucket:
    limit = timedelta(seconds=timeout_s)
    config: S3Config = {}
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if place.region:
        config["region"] = place.region
    if place.access_key_id:
        config["access_key_id"] = place.access_key_id
        config["secret_access_key"] = place.secret_access_key
    return Bucket(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options={"allow_http": place.endpoint.startswith("http://"), "timeout": limit, "connect_timeout": limit},
        retry_config={"max_retries": retries, "retry_timeout": limit * (retries + 1)},
    )
