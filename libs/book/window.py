"""What a partition remembers of recent commands, so that nothing that comes twice or late acts twice.

A command leaves the window after `DURATION` of engine time, or when `CAPACITY` newer ones came. The watermark is the
largest order_api time of any command that has left: whatever was sent at or before it can no longer be told from a
repeat and is refused as stale. Both bounds are part of the rules version.
"""

from __future__ import annotations

from array import array
from itertools import islice
from typing import Final

import msgspec

DURATION: Final = 120_000_000_000
"""ns of engine time."""
CAPACITY: Final = 1_000_000
"""Commands a partition."""
CLOCK_LEAD: Final = 5_000_000_000
"""How far order_api's clock may be ahead of the append time, ns."""
_COMPACT_AT: Final = 65_536
_ID_BYTES: Final = 16


class WindowRows(msgspec.Struct, frozen=True, array_like=True):
    """The window in a snapshot: columns of 8-byte integers in this machine's order, ids of 16 bytes."""

    watermark: int
    command_ids: bytes
    keys: bytes
    times: bytes
    sents: bytes


class Window:
    """Columns in log order, the oldest at `_start`, with two indexes over them."""

    __slots__ = (
        "_capacity",
        "_command_ids",
        "_first",
        "_keys",
        "_seen",
        "_sents",
        "_start",
        "_times",
        "watermark",
    )

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.watermark = 0
        self._capacity = capacity
        self._seen: set[bytes] = set()
        self._first: dict[int, bytes] = {}
        self._command_ids: list[bytes] = []
        self._keys = array("Q")
        self._times = array("q")
        self._sents = array("q")
        self._start = 0

    def __len__(self) -> int:
        return len(self._command_ids) - self._start

    def seen(self, command_id: bytes) -> bool:
        return command_id in self._seen

    def first(self, key: int) -> bytes | None:
        """The command that used this key up, while it is remembered."""
        return self._first.get(key)

    def add(self, command_id: bytes, key: int, time: int, sent: int) -> None:
        """Remember a command decided at engine time `time`. A time from the future counts as the latest one allowed."""
        latest = time + CLOCK_LEAD
        self._seen.add(command_id)
        if key:
            self._first.setdefault(key, command_id)
        self._command_ids.append(command_id)
        self._keys.append(key)
        self._times.append(time)
        self._sents.append(sent if sent < latest else latest)

    def expire(self, time: int) -> None:
        """Drop what is too old at engine time `time`, or too much."""
        oldest, times = time - DURATION, self._times
        start, end = self._start, len(times)
        if start == end or (times[start] > oldest and end - start < self._capacity):
            return
        while start < end and (times[start] <= oldest or end - start >= self._capacity):
            self._drop(start)
            start += 1
        self._start = start
        if start >= _COMPACT_AT and start * 2 >= end:
            self._compact()

    def _drop(self, row: int) -> None:
        command_id, key, sent = self._command_ids[row], self._keys[row], self._sents[row]
        self._seen.discard(command_id)
        if key and self._first.get(key) == command_id:
            del self._first[key]
        self.watermark = max(self.watermark, sent)

    def _compact(self) -> None:
        start, self._start = self._start, 0
        del self._command_ids[:start], self._keys[:start], self._times[:start], self._sents[:start]

    def rows(self) -> WindowRows:
        start = self._start
        return WindowRows(
            self.watermark,
            b"".join(islice(self._command_ids, start, None)),
            self._keys[start:].tobytes(),
            self._times[start:].tobytes(),
            self._sents[start:].tobytes(),
        )

    @classmethod
    def restored(cls, rows: WindowRows, capacity: int = CAPACITY) -> Window:
        """Raises ValueError where the columns differ in length."""
        window = cls(capacity)
        window.watermark = rows.watermark
        ids = rows.command_ids
        window._command_ids = [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)]
        window._keys.frombytes(rows.keys)
        window._times.frombytes(rows.times)
        window._sents.frombytes(rows.sents)
        lengths = {len(window._command_ids), len(window._keys), len(window._times), len(window._sents)}
        if len(lengths) != 1:
            raise ValueError(f"window columns of different lengths: {sorted(lengths)}")
        window._seen = set(window._command_ids)
        for command_id, key in zip(window._command_ids, window._keys, strict=True):
            if key:
                window._first.setdefault(key, command_id)
        return window
