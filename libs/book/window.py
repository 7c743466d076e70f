"""What a partition remembers of recent commands, so that nothing that comes twice or late acts twice.

Commands are remembered in generations: a run of commands decided within one whole second of engine time, `GENERATION`
of them at most. A generation is forgotten as a whole, when it is two minutes old or when `CAPACITY` commands are
remembered. The watermark is the largest order_api time of any command that was forgotten: whatever was sent at or
before it can no longer be told from a repeat and is refused as stale. All bounds are part of the rules version.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

SECOND: Final = 1_000_000_000
DURATION: Final = 120
"""Whole seconds of engine time."""
CAPACITY: Final = 1_000_000
"""Commands a partition."""
GENERATION: Final = 8_192
CLOCK_LEAD: Final = 5_000_000_000
"""How far order_api's clock may be ahead of the append time, ns."""


class Generation(msgspec.Struct, array_like=True, gc=False):
    """Also its own row in a snapshot."""

    second: int
    """Of engine time, whole."""
    latest: int
    """The largest order_api time in it, ns."""
    ids: list[bytes]
    """Commands without a key of their own."""
    keyed: list[bytes]
    """Commands that used a key up,"""
    keys: list[int]
    """and which, in the same order."""

    def __len__(self) -> int:
        return len(self.ids) + len(self.keyed)


class WindowRows(msgspec.Struct, frozen=True, array_like=True):
    watermark: int
    generations: list[Generation]


class Window:
    __slots__ = ("_capacity", "_current", "_generations", "first", "room", "seen", "turn_at", "watermark")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._current = Generation(0, 0, [], [], [])
        self._generations: deque[Generation] = deque()
        """The current one is the last."""
        self.watermark = 0
        self.seen: set[bytes] = set()
        """Ids of the commands that are remembered."""
        self.first: dict[int, bytes] = {}
        """The command that used a key up."""
        self.turn_at = 0
        """ns of engine time from which `turn` must be called before a command is decided,"""
        self.room = 0
        """or when no more than so many commands were added since."""

    def __len__(self) -> int:
        return sum(map(len, self._generations))

    def turn(self, time: int) -> None:
        """Forget what is too old at engine time `time`, or too much, and make room for the next command."""
        second = time // SECOND
        generations = self._generations
        while generations and second - generations[0].second > DURATION:
            self._forget(generations.popleft())
        count = len(self)
        while generations and count >= self._capacity:
            oldest = generations.popleft()
            count -= len(oldest)
            self._forget(oldest)
        current = self._current
        if current.second != second or len(current) >= GENERATION or not generations:
            current = self._current = Generation(second, 0, [], [], [])
            generations.append(current)
        self.turn_at = (second + 1) * SECOND
        self.room = min(GENERATION - len(current), self._capacity - count)

    def add(self, command_id: bytes, key: int, sent: int) -> None:
        """Remember a command, by its key too if nobody used that; `sent` 0 says nothing about the watermark."""
        self.room -= 1
        current = self._current
        self.seen.add(command_id)
        if key and key not in self.first:
            self.first[key] = command_id
            current.keyed.append(command_id)
            current.keys.append(key)
        else:
            current.ids.append(command_id)
        if sent > current.latest:
            current.latest = sent

    def _forget(self, generation: Generation) -> None:
        self.seen.difference_update(generation.ids)
        self.seen.difference_update(generation.keyed)
        first = self.first
        for key in generation.keys:
            del first[key]
        self.watermark = max(self.watermark, generation.latest)

    def rows(self) -> WindowRows:
        return WindowRows(self.watermark, [each for each in self._generations if len(each)])

    @classmethod
    def restored(cls, rows: WindowRows, capacity: int = CAPACITY) -> Window:
        """Raises ValueError where ids and keys do not fit together."""
        window = cls(capacity)
        window.watermark = rows.watermark
        for generation in rows.generations:
            window.first.update(zip(generation.keys, generation.keyed, strict=True))
            window.seen.update(generation.ids, generation.keyed)
            window._generations.append(generation)
            window._current = generation
        return window
