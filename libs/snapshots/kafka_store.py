"""Snapshots in the compacted topic `book-snapshots`: chunks, then the manifest, then tombstones for what is superseded.

Records are keyed by partition, seq and number: chunks count from 0, the manifest stands at -1 and says how many there
are. A writer that dies between leaves chunks without a manifest, which are refused, and buried by the next owner.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

import msgspec

from libs.events.topics import BOOK_SNAPSHOTS
from libs.kafka.ports import Ack, Entry, Log, Publisher, Record
from libs.snapshots.ports import Found, Sealed, superseded

_MANIFEST: Final = -1
_READ_RECORDS: Final = 500
_READ_TIMEOUT_S: Final = 1.0
_TAIL_RECORDS: Final = 64
"""At the end of the topic, where the newest snapshot stands unless it is a large one: what was superseded stays before
it until the log is compacted, and may be a hundred times as much."""
_BURIED_AT_ONCE: Final = 1_000
"""Tombstones of one publication."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_key: Final = msgspec.msgpack.Decoder(tuple[int, int, int]).decode


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    chunks: int
    head: bytes


_decode_manifest: Final = msgspec.msgpack.Decoder(Manifest).decode


class KafkaStore:
    name = "kafka"

    def __init__(self, log: Log, chunk_bytes: int, topic: str = BOOK_SNAPSHOTS) -> None:
        self._log = log
        self._chunk_bytes = chunk_bytes
        self._topic = topic
        self._publisher: Publisher | None = None
        self._starting = asyncio.Lock()
        self._present: dict[int, dict[int, int]] = {}
        """Partition → seq → chunks, of what stands in the topic, as far as this process has read or written it."""
        self._ends: dict[int, int] = {}
        """Behind the last record that `_present` knows of. Another writer's records show as a gap."""

    async def put(self, partition: int, sealed: Sealed) -> None:
        step = self._chunk_bytes
        chunks = [sealed.data[at : at + step] for at in range(0, len(sealed.data), step)]
        for number, chunk in enumerate(chunks):
            await self._publish(partition, [Entry(_key(partition, sealed.seq, number), chunk)])
        manifest = _encode(Manifest(len(chunks), sealed.head))
        await self._publish(partition, [Entry(_key(partition, sealed.seq, _MANIFEST), manifest)])
        present = self._present.get(partition)
        if present is not None:
            present[sealed.seq] = max(len(chunks), present.get(sealed.seq, 0))

    async def newest_first(self, partition: int, *, heads_only: bool = False) -> AsyncGenerator[Found, None]:
        newest = None if heads_only else (await self._read(partition, heads_only, _TAIL_RECORDS)).newest_whole()
        if newest is not None:
            yield newest
        shelf = await self._read(partition, heads_only)
        for seq in shelf.seqs():
            if newest is None or seq != newest.seq:
                yield shelf.take(seq)

    async def prune(self, partition: int, seq: int, kept: int) -> None:
        if partition not in self._present:
            await self._read(partition, heads_only=True)
        present = self._present[partition]
        for old in superseded(present, seq, kept):
            keys = [_key(partition, old, number) for number in (_MANIFEST, *range(present[old]))]
            for at in range(0, len(keys), _BURIED_AT_ONCE):
                await self._publish(partition, [Entry(key, None) for key in keys[at : at + _BURIED_AT_ONCE]])
            present.pop(old, None)

    async def close(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            await publisher.close()

    async def _publish(self, partition: int, entries: list[Entry]) -> None:
        publisher = await self._started()
        self._follow(partition, await publisher.publish(self._topic, partition, entries))

    async def _started(self) -> Publisher:
        async with self._starting:
            if self._publisher is None:
                publisher = self._log.publisher()
                await publisher.start()
                self._publisher = publisher
            return self._publisher

    def _follow(self, partition: int, acks: Sequence[Ack]) -> None:
        if acks[0].offset != self._ends.get(partition):
            self._present.pop(partition, None)  # somebody else has written: look again before anything is buried
        self._ends[partition] = acks[-1].offset + 1

    async def _read(self, partition: int, heads_only: bool, tail: int | None = None) -> "_Shelf":
        """Of the last `tail` offsets, or all."""
        shelf = _Shelf(heads_only)
        reader = self._log.reader(self._topic)
        await reader.start()
        try:
            bounds = await reader.bounds(partition)
            first = bounds.start if tail is None else max(bounds.start, bounds.end - tail)
            reader.assign({partition: first})
            while reader.position(partition) < bounds.end:
                for records in (await reader.poll(_READ_RECORDS, _READ_TIMEOUT_S)).values():
                    for record in records:
                        shelf.put(record)
        finally:
            await reader.stop()
        if first == bounds.start:
            self._present[partition] = shelf.counts()
            self._ends[partition] = bounds.end
        return shelf


def _key(partition: int, seq: int, number: int) -> bytes:
    return _encode((partition, seq, number))


class _Shelf:
    """Chunks and manifests as they are read; a tombstone takes one away."""

    def __init__(self, heads_only: bool) -> None:
        self._heads_only = heads_only
        self._parts: dict[int, dict[int, bytes]] = {}
        self._sizes: dict[int, dict[int, int]] = {}

    def put(self, record: Record) -> None:
        if record.key is None:
            return
        try:
            _, seq, number = _decode_key(record.key)
        except msgspec.MsgspecError:
            return  # not ours: nothing in the topic may keep a partition from its owner
        parts, sizes = self._parts.setdefault(seq, {}), self._sizes.setdefault(seq, {})
        if record.value is None:
            parts.pop(number, None)
            sizes.pop(number, None)
            return
        sizes[number] = len(record.value)
        parts[number] = b"" if self._heads_only and number != _MANIFEST else record.value

    def counts(self) -> dict[int, int]:
        """How many chunks there may be of each seq."""
        return {seq: max(sizes) + 1 for seq, sizes in self._sizes.items() if sizes}

    def seqs(self) -> list[int]:
        return sorted(self.counts(), reverse=True)

    def newest_whole(self) -> Found | None:
        """None where not all of it is here, or its writer did not finish: then all must be looked at."""
        for seq in self.seqs()[:1]:
            parts = self._parts[seq]
            if _MANIFEST in parts and all(number in parts for number in range(_manifest_of(parts).chunks)):
                return self.take(seq)
        return None

    def take(self, seq: int) -> Found:
        """One of them, given away: its bytes are held once."""
        parts, sizes = self._parts.pop(seq), self._sizes[seq]
        manifest = _manifest_of(parts)
        numbers = sorted(number for number in parts if 0 <= number < manifest.chunks)
        data = b"".join([parts[number] for number in numbers])
        return Found(seq, manifest.head, data, sum(sizes[number] for number in numbers))


def _manifest_of(parts: Mapping[int, bytes]) -> Manifest:
    """One without a head where there is none that can be read."""
    if _MANIFEST not in parts:
        return Manifest(0, b"")
    try:
        return _decode_manifest(parts[_MANIFEST])
    except msgspec.MsgspecError:
        return Manifest(0, parts[_MANIFEST])
