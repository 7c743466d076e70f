"""The commands that the oracle's partition remembers, in generations of one second that are forgotten as a whole."""

from dataclasses import dataclass, field

SECOND = 1_000_000_000
REMEMBERED_SECONDS = 120
GENERATION_LIMIT = 8_192
CAPACITY = 1_000_000


@dataclass
class Generation:
    second: int
    youngest: int = 0
    """The largest `sent` of its commands."""
    commands: dict[bytes, int] = field(default_factory=dict)
    """The key that each used up, by its id; 0 if none."""


@dataclass
class Window:
    capacity: int = CAPACITY
    generations: list[Generation] = field(default_factory=list)
    watermark: int = 0
    """The largest `sent` of a forgotten command."""

    @property
    def size(self) -> int:
        return sum(len(generation.commands) for generation in self.generations)

    def forget(self, now: int) -> None:
        """Make room before a command is decided."""
        while self.generations and (
            now // SECOND - self.generations[0].second > REMEMBERED_SECONDS or self.size >= self.capacity
        ):
            gone = self.generations.pop(0)
            self.watermark = max(self.watermark, gone.youngest)

    def remember(self, now: int, command_id: bytes, key: int, sent: int) -> None:
        """`sent` is 0 of a command that does not count for the watermark. A key that is taken stays the first's.

        A command that is remembered already, and came back, is not remembered twice.
        """
        if command_id in self:
            return
        second = now // SECOND
        if not self.generations or self.generations[-1].second != second or self._is_full():
            self.generations.append(Generation(second))
        newest = self.generations[-1]
        newest.commands[command_id] = key if self.user_of(key) is None else 0
        newest.youngest = max(newest.youngest, sent)

    def _is_full(self) -> bool:
        return len(self.generations[-1].commands) >= GENERATION_LIMIT

    def __contains__(self, command_id: bytes) -> bool:
        return any(command_id in generation.commands for generation in self.generations)

    def user_of(self, key: int) -> bytes | None:
        """The remembered command that used a key up; 0 is no key."""
        if not key:
            return None
        for generation in self.generations:
            for command_id, used in generation.commands.items():
                if used == key:
                    return command_id
        return None
