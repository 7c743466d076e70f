"""What kills a process leaves no word of itself: the next owner counts, in `worker-attempts`, and finds it out.

Whoever decides the first command after a take-over says so beforehand. When owner after owner dies without that command
being done, the next one goes carefully: each command is announced, decided and committed alone. So the one that kills
is known by its announcements, and after so many of them it is set aside without being decided again.

What a process survives was not the cause of a death: it takes its announcement back. A word that is missing or
repeated, because the log was away or an old owner still spoke, makes the search longer or shorter and nothing else.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import msgspec

from libs.events.topics import WORKER_ATTEMPTS
from libs.kafka.ports import Bounds, Entry, Log, LogReader, Publisher
from libs.service.logging import Log as Logger

_TOPIC_PARTITION: Final = 0
_READ_RECORDS: Final = 5_000
_READ_TIMEOUT_S: Final = 0.01


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """The last word of a partition's owners."""

    offset: int
    """In `orders`: where the partition was taken over, or the command that was announced."""
    takeovers: int
    """In a row that began there, or that were careful there."""
    tried: int = 0
    """How often this command was announced and not survived."""
    careful_before: int = 0
    """Commands below this one go alone."""


class Caution(NamedTuple):
    """The limits of the search."""

    takeovers: int
    """From this one on at the same command, the owner is careful."""
    tries: int
    """So many announcements, and the command is set aside."""
    span: int
    """Commands that a dead owner may have decided beyond what it had committed."""


Write = Callable[[int, Attempt | None], Awaitable[None]]
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Attempt).decode


class Trial:
    """One ownership of a partition. `last` is what the owners before said, None when nothing."""

    def __init__(
        self,
        partition: int,
        next_command: int,
        last: Attempt | None,
        mine: Attempt | None,
        caution: Caution,
        write: Write,
    ) -> None:
        self._partition = partition
        self._first = next_command
        self._caution = caution
        self._write = write
        self._said = last
        self._now = self._count(last, mine)
        self._decides = False
        self._announced = False
        """Whether an announcement stands whose command was not survived yet."""

    def _count(self, last: Attempt | None, mine: Attempt | None) -> Attempt:
        """`mine`: the last word is this process's own, so nobody has died since."""
        first = self._first
        if last is None:
            return Attempt(first, 1)
        careful_before = last.careful_before if first < last.careful_before else 0
        if last.offset != first:
            return Attempt(first, 1, 0, careful_before)
        takeovers = last.takeovers if last == mine else last.takeovers + 1
        if takeovers >= self._caution.takeovers:
            careful_before = max(careful_before, first + self._caution.span)
        return Attempt(first, takeovers, last.tried, careful_before)

    def is_careful(self, offset: int) -> bool:
        return offset < self._now.careful_before

    def is_deadly(self, offset: int) -> bool:
        """Whether the command there has been tried as often as it may be."""
        return offset == self._now.offset and self._now.tried >= self._caution.tries

    async def open(self) -> None:
        """Before a decision; the first one is told. Raises Transient when the log does not take it."""
        if self._decides:
            return
        self._decides = True
        if self._said != self._now:
            await self._say(self._now)

    async def announce(self, offset: int) -> None:
        """Before a command that goes alone. Raises Transient when the log does not take it."""
        before = self._now
        tried = before.tried if offset == before.offset else 0
        takeovers = before.takeovers if offset == before.offset else 1
        await self._say(Attempt(offset, takeovers, tried + 1, before.careful_before))
        self._announced = True

    def survived(self) -> None:
        """The announced command is decided and committed."""
        self._announced = False

    async def found(self, offset: int) -> None:
        """The deadly command is set aside: the search is over, and a new one would begin behind it."""
        await self._say(Attempt(offset + 1, 1))

    async def take_back(self) -> None:
        """The process goes on, so what was announced did not kill it."""
        if self._announced:
            now = self._now
            self._announced = False
            await self._say(Attempt(now.offset, now.takeovers, now.tried - 1, now.careful_before))

    async def end(self, next_command: int) -> None:
        """The partition is let go in good order."""
        if self._decides and (next_command == self._now.offset or self.is_careful(next_command)):
            await self._write(self._partition, None)

    async def _say(self, attempt: Attempt) -> None:
        await self._write(self._partition, attempt)
        self._now = self._said = attempt


class Attempts:
    """Reads and writes the topic, for all partitions of a process."""

    def __init__(self, log: Log, publisher: Publisher, caution: Caution, logger: Logger) -> None:
        self._log = log
        self._publisher = publisher
        self._caution = caution
        self._logger = logger
        self._mine: dict[int, Attempt | None] = {}
        """The last word that this process wrote."""

    async def last(self, partition: int) -> Attempt | None:
        """The last word. Raises Transient when the log does not answer."""
        reader = self._log.reader(WORKER_ATTEMPTS)
        await reader.start()
        try:
            return await _last(reader, await reader.bounds(_TOPIC_PARTITION), _key(partition))
        finally:
            await reader.stop()

    def trial(self, partition: int, next_command: int, last: Attempt | None) -> Trial:
        """Of a partition that was just taken over."""
        trial = Trial(partition, next_command, last, self._mine.get(partition), self._caution, self._say)
        if trial.is_careful(next_command):
            deadly = trial.is_deadly(next_command)
            self._logger.warning("careful: owners died here", partition=partition, offset=next_command, deadly=deadly)
        return trial

    async def _say(self, partition: int, attempt: Attempt | None) -> None:
        value = None if attempt is None else _encode(attempt)
        await self._publisher.publish(WORKER_ATTEMPTS, _TOPIC_PARTITION, [Entry(_key(partition), value)])
        self._mine[partition] = attempt


def _key(partition: int) -> bytes:
    return str(partition).encode()


async def _last(reader: LogReader, bounds: Bounds, key: bytes) -> Attempt | None:
    found: bytes | None = None
    reader.assign({_TOPIC_PARTITION: bounds.start})
    while reader.position(_TOPIC_PARTITION) < bounds.end:
        for records in (await reader.poll(_READ_RECORDS, _READ_TIMEOUT_S)).values():
            for record in records:
                if record.key == key:
                    found = record.value
    return None if found is None else _decode(found)
