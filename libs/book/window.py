"""What a partition remembers of recent commands, so that nothing that comes twice or late acts twice.

Commands are remembered in generations: a run of commands decided within one whole second of engine time, `GENERATION`
of them at most. A generation is forgotten as a whole, when it is two minutes old or when `CAPACITY` commands are
remembered. The watermark is the largest order_api time of any command that was forgotten: whatever was sent at or
before it can no longer be told from a repeat and is refused as stale. All bounds are part of the rules version.

The newest commands are in two dictionaries, small enough for the processor's cache, and go to the archive some hundred at
a time. Ids begin with the time at which they were minted: one that is larger than all in the archive is not there, and
nearly every new one is.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import msgspec

from libs.book.archive import ID_BYTES, Archive, split
from libs.events.values import NO_ID

SECOND: Final = 1_000_000_000
DURATION: Final = 120
"""Whole seconds of engine time."""
CAPACITY: Final = 1_000_000
"""Commands a partition."""
GENERATION: Final = 8_192
RECENT: Final = 512
"""Commands that are not in the archive yet."""
CLOCK_LEAD: Final = 5_000_000_000
"""How far order_api's clock may be ahead of the append time, ns."""


class Generation(NamedTuple):
    second: int
    """Of engine time, whole."""
    latest: int
    """The largest order_api time in it, ns."""
    commands: int


class WindowRows(msgspec.Struct, frozen=True, array_like=True):
    """The window in a snapshot, the oldest first everywhere."""

    watermark: int
    generations: list[Generation]
    ids: bytes
    """16 bytes of each command."""
    keys: list[int]
    """The key that each command used up; 0 if none."""


class Window:
    __slots__ = (
        "_capacity",
        "_closed",
        "_past",
        "_second",
        "archive",
        "archived",
        "first",
        "full_at",
        "latest",
        "recent",
        "turn_at",
        "watermark",
    )

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.archive = Archive()
        self._past: deque[Generation] = deque()
        self._closed = 0
        """How many commands are of generations that are past."""
        self._second = 0
        """Of the present generation."""
        self.latest = 0
        """The largest order_api time in the present generation, ns."""
        self.watermark = 0
        self.recent: dict[bytes, int] = {}
        """Commands that are not in the archive: their ids, and the keys that they used up; 0 is none."""
        self.first: dict[int, bytes] = {}
        """Which of them used a key up."""
        self.archived = NO_ID
        """No id in the archive is larger."""
        self.turn_at = 0
        """ns of engine time from which `turn` must be called before a command is decided,"""
        self.full_at = 0
        """or the offset of the command before which it must be."""

    def __len__(self) -> int:
        return len(self.archive) + len(self.recent)

    def has(self, command_id: bytes) -> bool:
        return command_id in self.recent or self.archive.has(command_id)

    def user_of(self, key: int) -> bytes:
        """The remembered command that used a key up; NO_ID if none did. 0 is no key."""
        if not key:
            return NO_ID
        return self.first.get(key) or self.archive.user_of(key)

    def turn(self, time: int, offset: int) -> None:
        """Forget what is too old at engine time `time`, or too much, and make room for the command at `offset`."""
        second = time // SECOND
        if len(self.recent) >= RECENT:
            self._settle()
        if second != self._second or len(self) - self._closed >= GENERATION:
            self._close()
            self._second = second
        while self._past and second - self._past[0].second > DURATION:
            self._forget()
        while len(self) >= self._capacity:
            if not self._past:
                self._close()
            self._forget()
        self.turn_at = (second + 1) * SECOND
        room = min(GENERATION - (len(self) - self._closed), self._capacity - len(self), RECENT - len(self.recent))
        self.full_at = offset + room

    def add(self, command_id: bytes, key: int, sent: int) -> None:
        """Remember a command, by its key too if nobody used that; `sent` 0 says nothing about the watermark.

        One that is remembered already, because it was put off, keeps its place.
        """
        if not self.has(command_id):
            if self.user_of(key):
                key = 0
            self.recent[command_id] = key
            if key:
                self.first[key] = command_id
        if sent > self.latest:
            self.latest = sent

    def _settle(self) -> None:
        """The archive takes over what is recent."""
        recent = self.recent
        if recent:
            self.archive.extend(recent)
            self.archived = max(self.archived, *recent)
            self.recent = {}
            self.first = {}

    def _close(self) -> None:
        """The present generation is past from here on."""
        count = len(self) - self._closed
        if count:
            self._past.append(Generation(self._second, self.latest, count))
        self._closed += count
        self.latest = 0

    def _forget(self) -> None:
        generation = self._past.popleft()
        if generation.commands > len(self.archive):
            self._settle()
        self.archive.forget(generation.commands)
        self._closed -= generation.commands
        self.watermark = max(self.watermark, generation.latest)

    def rows(self) -> WindowRows:
        generations = list(self._past)
        count = len(self) - self._closed
        if count:
            generations.append(Generation(self._second, self.latest, count))
        ids = self.archive.ids() + b"".join(self.recent)
        return WindowRows(self.watermark, generations, ids, self.archive.keys() + list(self.recent.values()))

    @classmethod
    def restored(cls, rows: WindowRows, capacity: int = CAPACITY) -> Window:
        """Raises ValueError where generations, ids and keys do not fit together."""
        window = cls(capacity)
        window.watermark = rows.watermark
        commands = split(rows.ids)
        counted, keys = sum(each.commands for each in rows.generations), len(rows.keys)
        if not counted == keys == len(commands) or len(rows.ids) % ID_BYTES:
            raise ValueError(f"window of {len(commands)} commands and {keys} keys, counted {counted}")
        window.recent = dict(zip(commands, rows.keys, strict=True))
        window._settle()
        if rows.generations:
            *past, present = rows.generations
            window._past.extend(past)
            window._second, window.latest = present.second, present.latest
            window._closed = counted - present.commands
        return window
