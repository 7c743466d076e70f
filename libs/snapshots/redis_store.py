"""Snapshots in Redis: one string each, and a sorted set of their seqs a partition.

A string is appended to in chunks under a name of its own, which lapses by itself when the writer dies, and renamed
into its place in the transaction that lists it: no call holds the server up for long, and no half is ever seen.
Redis keeps them as long as its own files and its eviction policy say; a lost one costs a longer fold.
"""

import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final, cast

from redis.asyncio import Redis

from libs.service.shared_script import REDIS_FAILURES
from libs.snapshots.envelope import HEAD_BYTES_MOST, parted
from libs.snapshots.ports import Found, Sealed, StoreAway, superseded

_UNFINISHED_S: Final = 600


class RedisStore:
    name = "redis"

    def __init__(self, url: str, cluster: str, chunk_bytes: int, timeout_s: float) -> None:
        """`timeout_s`: of one call, which moves a chunk at most."""
        self._redis = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
        self._cluster = cluster
        self._chunk_bytes = chunk_bytes

    async def put(self, partition: int, sealed: Sealed) -> None:
        index = self._index(partition)
        beside = f"{index}:part-{secrets.token_hex(8)}"
        whole = sealed.head + sealed.data
        with _away():
            for at in range(0, len(whole), self._chunk_bytes):
                await self._redis.append(beside, whole[at : at + self._chunk_bytes])
                await self._redis.expire(beside, _UNFINISHED_S)
            async with self._redis.pipeline(transaction=True) as transaction:
                transaction.persist(beside)
                transaction.rename(beside, self._key(partition, sealed.seq))
                transaction.zadd(index, {str(sealed.seq): sealed.seq})
                await transaction.execute()

    async def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        for seq in sorted(await self._seqs(partition), reverse=True):
            yield await self._read(partition, seq, heads_only)

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        old = superseded(await self._seqs(partition), seq, kept)
        if old:
            with _away():
                await self._redis.zrem(self._index(partition), *(str(each) for each in old))
                await self._redis.unlink(*(self._key(partition, each) for each in old))

    async def close(self) -> None:
        try:
            await self._redis.aclose()
        except REDIS_FAILURES:
            return

    def _index(self, partition: int) -> str:
        return f"{{{self._cluster}:snapshots:{partition}}}"  # braces: one slot of a Redis cluster

    def _key(self, partition: int, seq: int) -> str:
        return f"{self._index(partition)}:{seq}"

    async def _seqs(self, partition: int) -> list[int]:
        with _away():
            names = cast("list[bytes]", await self._redis.zrange(self._index(partition), 0, -1))
        return [int(name) for name in names]

    async def _read(self, partition: int, seq: int, heads_only: bool) -> Found:
        key = self._key(partition, seq)
        with _away():
            size = int(await self._redis.strlen(key))
            wanted = min(size, HEAD_BYTES_MOST) if heads_only else size
            chunks = [
                await self._redis.getrange(key, at, min(at + self._chunk_bytes, wanted) - 1)
                for at in range(0, wanted, self._chunk_bytes)
            ]
        head, data = parted(b"".join(cast("list[bytes]", chunks)))
        return Found(seq, head, b"" if heads_only else data, size - len(head))


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except REDIS_FAILURES as error:
        raise StoreAway(f"redis: {type(error).__name__}: {error}") from error
