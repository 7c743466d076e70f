"""Snapshots of committed state: a port, and its adapters on Kafka, on disk, and one cached by the other.

A snapshot is only ever a shortcut: what is damaged, missing or ahead of the log is passed over, and the one before,
or the log from its start, gives the same state.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from zlib import crc32

import msgspec

from libs.events.topics import BOOK_SNAPSHOTS
from libs.kafka.ports import Entry, Log, Publisher, Record
from libs.service.logging import Log as Logger

FORM: Final = 1
_MANIFEST: Final = -1
"""Stands where a chunk's number would."""
_READ_RECORDS: Final = 500
_READ_TIMEOUT_S: Final = 1.0


class Stored(NamedTuple):
    """A snapshot as bytes, and where to go on reading: the next offset in `order-events`."""

    seq: int
    next_event_offset: int
    data: bytes


class SnapshotStore(Protocol):
    async def save(self, partition: int, snapshot: Stored) -> None: ...

    async def load(self, partition: int) -> list[Stored]:
        """What is whole, newest first."""
        ...


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    form: int
    seq: int
    next_event_offset: int
    chunks: int
    size: int
    checksum: int


def manifest_of(snapshot: Stored, chunks: int) -> Manifest:
    data = snapshot.data
    return Manifest(FORM, snapshot.seq, snapshot.next_event_offset, chunks, len(data), crc32(data))


def verified(manifest: Manifest, data: bytes) -> Stored | None:
    """The snapshot, or None if the bytes are not what the manifest says, or of another form."""
    if manifest.form != FORM or len(data) != manifest.size or crc32(data) != manifest.checksum:
        return None
    return Stored(manifest.seq, manifest.next_event_offset, data)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_manifest: Final = msgspec.msgpack.Decoder(Manifest).decode
_decode_key: Final = msgspec.msgpack.Decoder(tuple[int, int, int]).decode


class KafkaSnapshots:
    """Chunks and then a manifest, keyed by partition, seq and chunk, in a compacted topic; tombstones for old ones."""

    def __init__(self, log: Log, publisher: Publisher, chunk_bytes: int, kept: int) -> None:
        self._log = log
        self._publisher = publisher
        self._chunk_bytes = chunk_bytes
        self._kept = kept
        self._present: dict[int, dict[int, int]] = {}
        """Partition → seq → chunks, of what stands in the topic."""

    async def save(self, partition: int, snapshot: Stored) -> None:
        if partition not in self._present:
            await self.load(partition)
        present = self._present[partition]
        data, step = snapshot.data, self._chunk_bytes
        chunks = [data[at : at + step] for at in range(0, len(data), step)]
        for number, chunk in enumerate(chunks):
            await self._publish(partition, [Entry(_key(partition, snapshot.seq, number), chunk)])
        manifest = _encode(manifest_of(snapshot, len(chunks)))
        await self._publish(partition, [Entry(_key(partition, snapshot.seq, _MANIFEST), manifest)])
        present[snapshot.seq] = len(chunks)
        for seq in sorted(present)[: -self._kept]:
            numbers = (_MANIFEST, *range(present[seq]))
            await self._publish(partition, [Entry(_key(partition, seq, number), None) for number in numbers])
            del present[seq]

    async def load(self, partition: int) -> list[Stored]:
        found = _Shelf()
        reader = self._log.reader(BOOK_SNAPSHOTS)
        await reader.start()
        try:
            bounds = await reader.bounds(partition)
            reader.assign({partition: bounds.start})
            while reader.position(partition) < bounds.end:
                for records in (await reader.poll(_READ_RECORDS, _READ_TIMEOUT_S)).values():
                    for record in records:
                        found.put(record)
        finally:
            await reader.stop()
        self._present[partition] = found.counts()
        return found.whole()

    async def _publish(self, partition: int, entries: list[Entry]) -> None:
        await self._publisher.publish(BOOK_SNAPSHOTS, partition, entries)


def _key(partition: int, seq: int, number: int) -> bytes:
    return _encode((partition, seq, number))


class _Shelf:
    """Chunks and manifests as they are read; a tombstone takes one away."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[int, bytes]] = {}

    def put(self, record: Record) -> None:
        if record.key is None:
            return
        try:
            _, seq, number = _decode_key(record.key)
        except msgspec.MsgspecError:
            return  # not ours: nothing in the topic may keep a partition from its owner
        parts = self._parts.setdefault(seq, {})
        if record.value is None:
            parts.pop(number, None)
        else:
            parts[number] = record.value

    def counts(self) -> dict[int, int]:
        return {seq: max(parts) + 1 for seq, parts in self._parts.items() if parts}

    def whole(self) -> list[Stored]:
        found = (_assembled(self._parts[seq]) for seq in sorted(self._parts, reverse=True))
        return [snapshot for snapshot in found if snapshot is not None]


def _assembled(parts: Mapping[int, bytes]) -> Stored | None:
    if _MANIFEST not in parts:
        return None
    try:
        manifest = _decode_manifest(parts[_MANIFEST])
        return verified(manifest, b"".join(parts[number] for number in range(manifest.chunks)))
    except (msgspec.MsgspecError, KeyError):
        return None


class DiskSnapshots:
    """The newest snapshot of each partition in a file, written beside and moved into place. A cache: never synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def save(self, partition: int, snapshot: Stored) -> None:
        await asyncio.to_thread(self._write, partition, snapshot)

    async def load(self, partition: int) -> list[Stored]:
        found = await asyncio.to_thread(self._read, partition)
        return [] if found is None else [found]

    def _path(self, partition: int) -> Path:
        return self._folder / f"partition-{partition}.snapshot"

    def _write(self, partition: int, snapshot: Stored) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        head = _encode(manifest_of(snapshot, 1))
        beside = self._folder / f"partition-{partition}.{os.getpid()}.part"
        with beside.open("wb") as file:
            file.write(len(head).to_bytes(4, "big") + head)
            file.write(snapshot.data)
        beside.replace(self._path(partition))

    def _read(self, partition: int) -> Stored | None:
        try:
            whole = self._path(partition).read_bytes()
            end = 4 + int.from_bytes(whole[:4], "big")
            return verified(_decode_manifest(whole[4:end]), whole[end:])
        except (OSError, msgspec.MsgspecError):
            return None


class CachedSnapshots:
    """Kafka holds them for everybody; this machine's copy spares reading them back. A full disk costs only that."""

    def __init__(self, store: SnapshotStore, cache: SnapshotStore, log: Logger) -> None:
        self._store = store
        self._cache = cache
        self._log = log

    async def save(self, partition: int, snapshot: Stored) -> None:
        try:
            await self._cache.save(partition, snapshot)
        except OSError as error:
            self._log.warning("snapshot not cached", partition=partition, detail=str(error))
        await self._store.save(partition, snapshot)

    async def load(self, partition: int) -> list[Stored]:
        """The cached one where there is one, else what the store has."""
        return await self._cache.load(partition) or await self._store.load(partition)

    async def load_stored(self, partition: int) -> list[Stored]:
        return await self._store.load(partition)
