"""What a partition remembers of recent commands, so that nothing that comes twice or late acts twice.

Commands are remembered in generations: a run of commands decided within one whole second of engine time, `GENERATION`
of them at most. A generation is forgotten as a whole, when it is two minutes old or when `CAPACITY` commands are
remembered. The watermark is the largest order_api time of any command that was forgotten: whatever was sent at or
before it can no longer be told from a repeat and is refused as stale. All bounds are part of the rules version.

Both indexes keep the order in which things were put in, so a generation is no more than how much of them is its own.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final, NamedTuple

import msgspec

SECOND: Final = 1_000_000_000
DURATION: Final = 120
"""Whole seconds of engine time."""
CAPACITY: Final = 1_000_000
"""Commands a partition."""
GENERATION: Final = 8_192
CLOCK_LEAD: Final = 5_000_000_000
"""How far order_api's clock may be ahead of the append time, ns."""


class Generation(NamedTuple):
    second: int
    """Of engine time, whole."""
    latest: int
    """The largest order_api time in it, ns."""
    ids: int
    """How many commands."""
    keys: int
    """How many of them used a key up."""


class WindowRows(msgspec.Struct, frozen=True, array_like=True):
    """The window in a snapshot, the oldest first everywhere."""

    watermark: int
    generations: list[Generation]
    ids: list[bytes]
    first: dict[int, bytes]


class Window:
    __slots__ = (
        "_capacity",
        "_ids",
        "_keys",
        "_past",
        "_second",
        "first",
        "full_at",
        "latest",
        "seen",
        "turn_at",
        "watermark",
    )

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._past: deque[Generation] = deque()
        self._ids = 0
        """How many commands are of generations that are past,"""
        self._keys = 0
        """and how many keys."""
        self._second = 0
        """Of the present generation."""
        self.latest = 0
        """The largest order_api time in the present generation, ns."""
        self.watermark = 0
        self.seen: dict[bytes, None] = {}
        """Ids of the commands that are remembered."""
        self.first: dict[int, bytes] = {}
        """The command that used a key up."""
        self.turn_at = 0
        """ns of engine time from which `turn` must be called before a command is decided,"""
        self.full_at = 0
        """or the offset of the command before which it must be."""

    def __len__(self) -> int:
        return len(self.seen)

    def turn(self, time: int, offset: int) -> None:
        """Forget what is too old at engine time `time`, or too much, and make room for the command at `offset`."""
        second = time // SECOND
        if second != self._second or len(self.seen) - self._ids >= GENERATION:
            self._close()
            self._second = second
        while self._past and second - self._past[0].second > DURATION:
            self._forget()
        while len(self.seen) >= self._capacity:
            if not self._past:
                self._close()
            self._forget()
        self.turn_at = (second + 1) * SECOND
        self.full_at = offset + min(GENERATION - (len(self.seen) - self._ids), self._capacity - len(self.seen))

    def add(self, command_id: bytes, key: int, sent: int) -> None:
        """Remember a command, by its key too if nobody used that; `sent` 0 says nothing about the watermark."""
        self.seen[command_id] = None
        if key and key not in self.first:
            self.first[key] = command_id
        if sent > self.latest:
            self.latest = sent

    def _close(self) -> None:
        """The present generation is past from here on."""
        ids, keys = len(self.seen), len(self.first)
        if ids > self._ids:
            self._past.append(Generation(self._second, self.latest, ids - self._ids, keys - self._keys))
        self._ids, self._keys, self.latest = ids, keys, 0

    def _forget(self) -> None:
        generation = self._past.popleft()
        deque(map(self.seen.__delitem__, list(islice(self.seen, generation.ids))), maxlen=0)
        deque(map(self.first.__delitem__, list(islice(self.first, generation.keys))), maxlen=0)
        self._ids -= generation.ids
        self._keys -= generation.keys
        self.watermark = max(self.watermark, generation.latest)

    def rows(self) -> WindowRows:
        generations = list(self._past)
        ids = len(self.seen) - self._ids
        if ids:
            generations.append(Generation(self._second, self.latest, ids, len(self.first) - self._keys))
        return WindowRows(self.watermark, generations, list(self.seen), self.first)

    @classmethod
    def restored(cls, rows: WindowRows, capacity: int = CAPACITY) -> Window:
        """Raises ValueError where generations, ids and keys do not fit together."""
        window = cls(capacity)
        window.watermark = rows.watermark
        window.seen = dict.fromkeys(rows.ids)
        window.first = rows.first
        counts = sum(each.ids for each in rows.generations), sum(each.keys for each in rows.generations)
        if counts != (len(window.seen), len(window.first)):
            raise ValueError(f"window of {len(window.seen)} commands and {len(window.first)} keys, counted {counts}")
        if rows.generations:
            *past, present = rows.generations
            window._past.extend(past)
            window._second, window.latest = present.second, present.latest
            window._ids, window._keys = counts[0] - present.ids, counts[1] - present.keys
        return window
