"""Snapshots as files below one folder: of this machine as a cache, of a shared volume as the store itself.

`<folder>/<cluster>/partition-3/00000000000000004711.snapshot`. A file is written beside its place and moved into it,
so that a name never stands for half a snapshot, whoever dies.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from libs.snapshots.envelope import HEAD_BYTES_MOST, parted
from libs.snapshots.ports import Found, Sealed, StoreAway, superseded

_SUFFIX: Final = ".snapshot"
_PART: Final = ".part"
_ABANDONED_S: Final = 3_600
"""A file beside its place that is older belongs to nobody any more."""


class DiskStore:
    def __init__(self, folder: Path, cluster: str, *, synced: bool, name: str = "disk") -> None:
        """`synced`: on the disk itself before `put` returns, as a store wants it and a cache need not."""
        self.name = name
        self._folder = folder / cluster
        self._synced = synced

    async def put(self, partition: int, sealed: Sealed) -> None:
        try:
            await asyncio.to_thread(self._write, partition, sealed)
        except OSError as error:
            raise StoreAway(f"{self._folder}: {error}") from error

    async def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        for seq in sorted(await asyncio.to_thread(self._seqs, partition), reverse=True):
            found = await asyncio.to_thread(self._read, partition, seq, heads_only)
            if found is not None:
                yield found

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        try:
            await asyncio.to_thread(self._forget, partition, seq, kept)
        except OSError as error:
            raise StoreAway(f"{self._folder}: {error}") from error

    async def close(self) -> None:
        return

    def _of(self, partition: int) -> Path:
        return self._folder / f"partition-{partition}"

    def _path(self, partition: int, seq: int) -> Path:
        return self._of(partition) / f"{seq:020}{_SUFFIX}"

    def _seqs(self, partition: int) -> list[int]:
        try:
            names = [path.stem for path in self._of(partition).iterdir() if path.suffix == _SUFFIX]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreAway(f"{self._folder}: {error}") from error
        return [int(name) for name in names if name.isascii() and name.isdigit()]

    def _read(self, partition: int, seq: int, heads_only: bool) -> Found | None:
        """None when it was superseded meanwhile."""
        try:
            with self._path(partition, seq).open("rb") as file:
                head, data = parted(file.read(HEAD_BYTES_MOST if heads_only else -1))
                size = os.fstat(file.fileno()).st_size - len(head)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreAway(f"{self._folder}: {error}") from error
        return Found(seq, head, b"" if heads_only else data, size)

    def _write(self, partition: int, sealed: Sealed) -> None:
        folder = self._of(partition)
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"{sealed.seq:020}.{os.getpid()}-{secrets.token_hex(4)}{_PART}"
        try:
            with beside.open("xb") as file:
                file.write(sealed.head)
                file.write(sealed.data)
                if self._synced:
                    file.flush()
                    os.fsync(file.fileno())
            beside.replace(self._path(partition, sealed.seq))
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        if self._synced:
            _sync_folder(folder)

    def _forget(self, partition: int, seq: int, kept: int) -> None:
        for old in superseded(self._seqs(partition), seq, kept):
            self._path(partition, old).unlink(missing_ok=True)
        folder = self._of(partition)
        latest = self._path(partition, seq)
        now = latest.stat().st_mtime if latest.exists() else 0.0
        for part in folder.glob(f"*{_PART}"):
            try:
                if part.stat().st_mtime < now - _ABANDONED_S:
                    part.unlink()
            except FileNotFoundError:  # its writer has just put it in its place
                continue


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
