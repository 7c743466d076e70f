"""What a partition remembers of its commands, so that nothing that comes twice or late acts twice."""

from collections import deque
from typing import Final

SECOND: Final = 1_000_000_000
REMEMBERED_S: Final = 120
CAPACITY: Final = 1_000_000
GENERATION: Final = 8_192
CLOCK_LEAD: Final = 5 * SECOND


class Generation:
    """Commands decided within one second of engine time."""

    def __init__(self, second: int) -> None:
        self.second = second
        self.youngest = 0
        """When the last of them was sent, ns."""
        self.commands: dict[bytes, int] = {}
        """The key that each used up, by its id; 0 if none."""


class Window:
    """Everything remembered, and the watermark: whatever was sent at or before it is too late to be told from a repeat."""

    def __init__(self) -> None:
        self.watermark = 0
        self.ids: set[bytes] = set()
        self.keys: dict[int, bytes] = {}
        """The command that used a key up."""
        self._generations: deque[Generation] = deque()

    def forget(self, time: int) -> None:
        """Make room before a command is decided."""
        while self._generations and (
            time // SECOND - self._generations[0].second > REMEMBERED_S or len(self.ids) >= CAPACITY
        ):
            gone = self._generations.popleft()
            self.watermark = max(self.watermark, gone.youngest)
            for command_id, key in gone.commands.items():
                self.ids.discard(command_id)
                if key:
                    del self.keys[key]

    def remember(self, time: int, command_id: bytes, key: int, sent: int) -> None:
        """`key` 0 uses up none, and `sent` 0 does not move the watermark."""
        second, newest = time // SECOND, self._generations[-1] if self._generations else None
        if newest is None or newest.second != second or len(newest.commands) >= GENERATION:
            newest = Generation(second)
            self._generations.append(newest)
        newest.youngest = max(newest.youngest, sent)
        newest.commands[command_id] = key if key not in self.keys else 0
        self.ids.add(command_id)
        if key:
            self.keys.setdefault(key, command_id)
