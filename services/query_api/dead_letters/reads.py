"""What is read for operators: rows, the log around a place, the dead letter itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from libs.access.audit import Audited, read_deeds
from libs.events.codec import decode_event
from libs.events.events import AnyEvent
from libs.events.topics import ORDERS
from libs.events.values import DeadLetterName
from libs.kafka.ports import Log, Record
from libs.read_model.connect import Pool
from libs.read_model.dead_letters import (
    DeadLetterPage,
    DeadLetterRow,
    dead_letter,
    dead_letters_page,
    events_around,
)
from libs.read_model.lending import lent
from libs.replays.letters import DeadLetter, Letters, Misplaced
from libs.replays.resending import name_text
from libs.service.failures import Transient
from libs.service.problems import DEAD_LETTER_NOT_FOUND, DEPENDENCY_AWAY, Problem

_POLL_S = 0.25


class Around(NamedTuple):
    """What stands before and after a dead letter, it included."""

    commands: list[Record]
    events: list[AnyEvent]


class DeadLetterReads:
    """Each method raises Problem."""

    def __init__(self, pool: Pool, log: Log, letters: Letters, timeout_s: float, around: int) -> None:
        self._pool = pool
        self._log = log
        self._letters = letters
        self._timeout_s = timeout_s
        self._around = around

    async def page(self, wanted: DeadLetterPage) -> list[DeadLetterRow]:
        async with lent(self._pool, self._timeout_s) as connection:
            return await dead_letters_page(connection, wanted)

    async def row(self, name: DeadLetterName) -> DeadLetterRow:
        async with lent(self._pool, self._timeout_s) as connection:
            found = await dead_letter(connection, name)
        if found is None:
            raise Problem(DEAD_LETTER_NOT_FOUND, f"{name_text(name)} is not known (yet)", "id")
        return found

    async def letter(self, name: DeadLetterName) -> DeadLetter:
        with _log_there():
            try:
                return await self._letters.find(name)
            except Misplaced as error:
                raise Problem(DEAD_LETTER_NOT_FOUND, str(error), "id") from None

    async def around(self, row: DeadLetterRow) -> Around:
        async with lent(self._pool, self._timeout_s) as connection:
            found = await events_around(connection, row, self._around)
        with _log_there():
            commands = await self._commands(row.name)
        return Around(commands, [decode_event(value) for value in found])

    async def deeds(self, limit: int, before: int | None) -> Sequence[Audited]:
        with _log_there():
            return await read_deeds(self._log, limit, before)

    async def _commands(self, name: DeadLetterName) -> list[Record]:
        reader = self._log.reader(ORDERS, committed=False)
        await reader.start()
        try:
            bounds = await reader.bounds(name.partition)
            first = max(bounds.start, name.offset - self._around)
            end = min(bounds.end, name.offset + self._around + 1)
            found: list[Record] = []
            reader.assign({name.partition: first})
            while reader.position(name.partition) < end:
                found += (await reader.poll(end - first, _POLL_S)).get(name.partition, ())
            return [record for record in found if record.offset < end]
        finally:
            await reader.stop()


@contextmanager
def _log_there() -> Iterator[None]:
    """A log that is away is told as such."""
    try:
        yield
    except Transient as failure:
        raise Problem(DEPENDENCY_AWAY, str(failure)) from failure
