"""Snapshots in this process: gone with it. For tests, and for a cluster that may fold its log at each start."""

from collections.abc import AsyncGenerator

from libs.snapshots.ports import Found, Sealed, superseded


class MemoryStore:
    name = "memory"

    def __init__(self) -> None:
        self.kept: dict[int, dict[int, Sealed]] = {}
        """Partition → seq → snapshot. Open, so that a test may spoil one."""

    async def put(self, partition: int, sealed: Sealed) -> None:
        self.kept.setdefault(partition, {})[sealed.seq] = sealed

    async def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        for seq, sealed in sorted(self.kept.get(partition, {}).items(), reverse=True):
            yield Found(seq, sealed.head, b"" if heads_only else sealed.data, len(sealed.data))

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        ours = self.kept.get(partition, {})
        for old in superseded(ours, seq, kept):
            del ours[old]

    async def close(self) -> None:
        return
