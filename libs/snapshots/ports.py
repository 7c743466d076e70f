"""What a store of snapshots does. It never looks inside: `envelope` seals and opens, `snapshots` decides what is kept.

Every adapter passes one contract suite (`tests/contract/test_snapshot_stores.py`). What always holds: a reader sees a
snapshot whole or, when its writer died or its bytes went bad, in a form that the envelope refuses; and a writer
touches nothing newer than what it writes, so an owner of yesterday that still writes does no harm.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import NamedTuple, Protocol

from libs.service.failures import Transient


class StoreAway(Transient):
    """The store did not answer within its limit, or refused. The log still has everything."""


class Sealed(NamedTuple):
    """One snapshot to be kept: its name in the partition, its envelope, and the state's bytes."""

    seq: int
    head: bytes
    data: bytes


class Found(NamedTuple):
    """One as it stands in a store. `data` is empty where only heads were asked for; `size` counts its bytes there."""

    seq: int
    head: bytes
    data: bytes
    size: int


class SnapshotStore(Protocol):
    """Raises StoreAway, or what the log raises where that is the store."""

    @property
    def name(self) -> str:
        """For people: `kafka`, `disk` …"""
        ...

    async def put(self, partition: int, sealed: Sealed) -> None:
        """Keep it, in place of one with the same seq."""
        ...

    def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        """What there is, by falling seq, whole or not; the next one is fetched when it is asked for."""
        ...

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        """Forget what stands at `seq` or below, but for the newest `kept`. What is newer stays, whoever wrote it."""
        ...

    async def close(self) -> None: ...


def superseded(present: Iterable[int], seq: int, kept: int) -> list[int]:
    """What `prune` forgets of the seqs that are present."""
    return sorted((each for each in present if each <= seq), reverse=True)[kept:]
