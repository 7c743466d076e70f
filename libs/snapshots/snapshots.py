"""What the worker and the command line use: a store, perhaps a cache of this machine before it, and the rules of both.

Three are kept. Everything found is opened, newest first; what does not hold comes as its refusal, so that nobody
passes it over in silence, and the one before is next.
"""

from collections.abc import AsyncGenerator
from typing import NamedTuple

from libs.service.clock import Clock
from libs.service.logging import Log as Logger
from libs.snapshots.envelope import Head, Opened, Refused, Stored, open_head, seal, unseal
from libs.snapshots.ports import SnapshotStore, StoreAway


class Refusal(NamedTuple):
    """Which one is refused, and why."""

    seq: int
    store: str
    why: Refused


class Listed(NamedTuple):
    """One in a store, by its head alone; `head` is None where `refused` says why."""

    seq: int
    store: str
    size: int
    head: Head | None
    refused: Refused | None


class Snapshots:
    """`save` and reading may go on at once, of many partitions."""

    def __init__(
        self,
        store: SnapshotStore,
        cluster: str,
        kept: int,
        clock: Clock,
        logger: Logger,
        cache: SnapshotStore | None = None,
    ) -> None:
        self.store = store
        self.cache = cache
        self._cluster = cluster
        self._kept = kept
        self._clock = clock
        self._logger = logger

    async def save(self, partition: int, snapshot: Stored) -> None:
        """Raises Transient or Fatal when the store failed; a cache that fails costs nothing else."""
        sealed = await seal(self._cluster, partition, snapshot, self._clock.now())
        if self.cache is not None:
            try:
                await self.cache.put(partition, sealed)
                await self.cache.prune(partition, snapshot.seq, 1)
            except StoreAway as error:
                self._logger.warning("snapshot not cached", partition=partition, detail=str(error))
        await self.store.put(partition, sealed)
        await self.store.prune(partition, snapshot.seq, self._kept)

    def cached(self, partition: int) -> AsyncGenerator[Opened | Refusal, None]:
        """What this machine has; nothing where there is no cache."""
        return self._opened(self.cache, partition)

    def stored(self, partition: int) -> AsyncGenerator[Opened | Refusal, None]:
        """What the store has. Raises StoreAway, or what the log raises."""
        return self._opened(self.store, partition)

    async def listed(self, partition: int) -> list[Listed]:
        """All of them, in store and cache, by their heads; data is neither fetched nor checked."""
        found: list[Listed] = []
        for store in (self.store, self.cache):
            if store is None:
                continue
            async for each in store.newest_first(partition, heads_only=True):
                try:
                    head = open_head(each, self._cluster, partition)
                except Refused as refused:
                    found.append(Listed(each.seq, store.name, each.size, None, refused))
                else:
                    found.append(Listed(each.seq, store.name, each.size, head, None))
        return found

    async def close(self) -> None:
        await self.store.close()
        if self.cache is not None:
            await self.cache.close()

    async def _opened(self, store: SnapshotStore | None, partition: int) -> AsyncGenerator[Opened | Refusal, None]:
        if store is None:
            return
        async for found in store.newest_first(partition):
            try:
                opened = await unseal(found, self._cluster, partition, store.name)
            except Refused as refused:
                yield Refusal(found.seq, store.name, refused)
            else:
                yield opened
