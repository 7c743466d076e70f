"""What the topic `operator-tasks` holds: three records a replay, under keys of their own, so that compaction keeps all three.

The plan never changes. What is wanted of it is written by whoever is asked, how far it is by whoever runs it: so neither
overwrites the other, and the state of a replay is a function of the last of each. Fields are only ever appended, with
defaults. Times are ns, UTC.
"""

import hashlib
from enum import IntEnum
from typing import Final

import msgspec

from libs.events.values import DeadLetterName

MOST_FAILURES: Final = 100
"""Told one by one; more are counted."""


class Selection(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=False):
    """Which dead letters were asked for. What is empty, or 0, chooses nothing."""

    product_id: str = ""
    account: str = ""
    reason: str = ""
    since: int = 0
    until: int = 0
    names: tuple[DeadLetterName, ...] = ()


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """A dead letter of a plan; with `before` and `after`, the commands' bytes, where it is changed."""

    name: DeadLetterName
    before: bytes = b""
    after: bytes = b""


class Plan(msgspec.Struct, frozen=True, array_like=True, tag=1, kw_only=True):
    """What is to be replayed, in this order, so many a second."""

    id: str
    created: int
    actor: str
    reason: str
    selection: Selection
    rate: int
    letters: tuple[Letter, ...]

    @property
    def hash(self) -> str:
        """Of all that will be done. Whoever confirms says it, so nothing else is done than what was seen."""
        return hashlib.sha256(_encode((self.id, self.selection, self.rate, self.letters))).hexdigest()


class Wish(IntEnum):
    RUN = 1
    PAUSE = 2
    CANCEL = 3


class Control(msgspec.Struct, frozen=True, array_like=True, tag=2, kw_only=True):
    """What was wanted last."""

    id: str
    wish: Wish
    actor: str
    at: int
    confirmed: int = 0
    """When it was first wanted to run."""


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A letter that could not be sent, and why."""

    name: DeadLetterName
    why: str


class Progress(msgspec.Struct, frozen=True, array_like=True, tag=3, kw_only=True):
    """The first `next` letters of the plan were dealt with; what was sent since is sent again, and acts once."""

    id: str
    at: int
    next: int = 0
    sent: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    runner: str = ""
    """Which process runs it."""


TaskRecord = Plan | Control | Progress

_encode: Final = msgspec.msgpack.Encoder().encode
encode_record: Final = _encode
decode_record: Final = msgspec.msgpack.Decoder(TaskRecord).decode
_KINDS: Final = {Plan: "plan", Control: "control", Progress: "progress"}


def key_of(record: TaskRecord) -> bytes:
    """`<id>/plan` and the like."""
    return f"{record.id}/{_KINDS[type(record)]}".encode()


def keys_of(task_id: str) -> list[bytes]:
    """All that a replay has, the plan last: a plan that is gone takes the rest with it for every reader."""
    return [f"{task_id}/{kind}".encode() for kind in reversed(_KINDS.values())]
