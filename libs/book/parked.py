"""Commands that were put off, and the dead letters that are still open: what failed, and what waits for it.

A parked command is not decided and not lost: it stands in a retry topic, and comes back with the `attempt` that is
awaited here. What is about one order waits in one line, in log order, and only the first of a line is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from libs.events.events import CommandDeferred
from libs.events.values import DeadLetterName, FailureCause, OrderTerms

FAULTS_LAST: Final = 60_000_000_000
"""ns of engine time; faults of different commands of a product within it halt the product."""


class Parked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command that waits. Also its own row in a snapshot."""

    command_id: bytes
    kind: int
    """Its tag."""
    account: str
    number: int
    order_id: bytes
    client_oid: str
    key: int
    sent: int
    attempt: int
    """With which it is awaited."""
    failures: int
    cause: FailureCause
    first_failed_at: int
    """Engine time, ns."""
    line: bytes
    replay_of: DeadLetterName | None
    terms: OrderTerms | None

    @property
    def is_place(self) -> bool:
        """It would be an order, in a version that can read it at least."""
        return self.order_id == self.command_id

    @property
    def name(self) -> tuple[int, str, str | int]:
        """By which its account finds a place, and no second order of the account can be open or parked."""
        return self.number, self.account, self.client_oid or self.key


class ParkedCommands(dict[bytes, Parked]):
    """By command_id, in log order: one that is put off again keeps its place."""

    __slots__ = ("keys_used", "lines", "names")

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[bytes, dict[bytes, None]] = {}
        """Ids of the commands of a line, the first of them first."""
        self.names: dict[tuple[int, str, str | int], bytes] = {}
        """Parked places, by `Parked.name`."""
        self.keys_used: dict[int, bytes] = {}
        """Parked commands, by the key they came with."""

    def put(self, parked: Parked) -> None:
        """Park a command, or the same one again."""
        command_id = parked.command_id
        self[command_id] = parked
        self.lines.setdefault(parked.line, {})[command_id] = None
        if parked.key:
            self.keys_used[parked.key] = command_id
        if parked.is_place and (parked.client_oid or parked.key):
            self.names[parked.name] = command_id

    def take(self, command_id: bytes) -> Parked | None:
        """A command is decided: it waits no more. None if nothing is known of it."""
        parked = self.pop(command_id, None)
        if parked is None:
            return None
        line = self.lines[parked.line]
        del line[command_id]
        if not line:
            del self.lines[parked.line]
        if self.keys_used.get(parked.key) == command_id:
            del self.keys_used[parked.key]
        if self.names.get(parked.name) == command_id:
            del self.names[parked.name]
        return parked

    def awaits(self, command_id: bytes, attempt: int) -> bool:
        """Whether a command that comes back with this attempt is looked at, or ignored."""
        parked = self.get(command_id)
        return parked is not None and parked.attempt == attempt

    def is_first(self, parked: Parked) -> bool:
        """Whether it is at the head of its line: its turn, when it comes back."""
        return next(iter(self.lines[parked.line])) == parked.command_id

    def line(self, order_id: bytes) -> Iterator[Parked]:
        """What waits in the line of an order, in order."""
        return map(self.__getitem__, self.lines.get(order_id, ()))


class Faults(dict[int, dict[bytes, int]]):
    """Commands of a product that raised an error lately, with the engine time, by product number."""

    __slots__ = ()

    def add(self, number: int, command_id: bytes, time: int) -> int:
        """How many different commands it were within `FAULTS_LAST`, this one included."""
        recent = {known: at for known, at in self.get(number, {}).items() if time - at < FAULTS_LAST}
        recent[command_id] = time
        self[number] = recent
        return len(recent)


def parked_by(event: CommandDeferred, before: Parked | None) -> Parked:
    """The command as it waits from here on; `before` is the same one as it waited until now."""
    return Parked(
        event.command_id,
        event.kind,
        event.account,
        event.number,
        event.order_id,
        event.client_oid,
        event.key,
        event.sent,
        event.attempt,
        event.failures,
        event.cause,
        event.time if before is None else before.first_failed_at,
        event.line,
        event.replay_of,
        event.terms,
    )
