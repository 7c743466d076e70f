"""What goes to the retry topics and to the dead letters: the command as it came, and for people what became of it.

`attempt` in the envelope decides what happens to a command that comes back. The headers decide nothing.
"""

import traceback
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from libs.events.codec import with_attempt
from libs.events.events import CommandDeadLettered, CommandDeferred
from libs.events.topics import ORDERS
from libs.events.values import FailureCause
from libs.kafka.ports import Entry, Headers, Record
from libs.service.clock import NANOSECONDS

ATTEMPT: Final = "outcry.attempt"
DUE: Final = "outcry.due"
REASON: Final = "outcry.reason"
EXCEPTION: Final = "outcry.exception"
FIRST_FAILED_AT: Final = "outcry.first-failed-at"
FAILED_AT: Final = "outcry.failed-at"
VERSION: Final = "outcry.version"
CUT: Final = "outcry.cut-from"
"""Bytes of the whole value, which stands in `orders`, where it was too long for a dead letter."""
_OURS: Final = ("outcry.", "__dlq.errors.")
_MOST_TEXT: Final = 1_000


class Failure(NamedTuple):
    """Why a command was not decided."""

    cause: FailureCause
    detail: str
    """One sentence."""
    place: str = ""
    """Where in the code."""


def failure_of(error: BaseException) -> Failure:
    """Of an error inside a decision."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return Failure(FailureCause.FAULT, f"{type(error).__name__}: {error}"[:_MOST_TEXT], place)


def retry(record: Record, event: CommandDeferred, failure: Failure | None, first_failed_at: int) -> Entry:
    """The command as it comes back."""
    headers = [
        (ATTEMPT, str(event.attempt).encode()),
        (DUE, _when(event.due)),
        (REASON, event.cause.name.lower().encode()),
        (FIRST_FAILED_AT, _when(first_failed_at)),
        *_said(failure),
    ]
    value = with_attempt(record.value or b"", event.attempt)
    return Entry(record.key, value, [*kept(record.headers), *headers])


def dead_letter(
    record: Record, event: CommandDeadLettered, failure: Failure, group: str, rules: int, most: int
) -> Entry:
    """Raw key and value, and what happened; a value that would not fit into `most` bytes is cut."""
    value = record.value
    headers = [
        *kept(record.headers),
        ("__dlq.errors.topic", ORDERS.encode()),
        ("__dlq.errors.partition", str(record.partition).encode()),
        ("__dlq.errors.offset", str(record.offset).encode()),
        ("__dlq.errors.group", group.encode()),
        ("__dlq.errors.delivery.count", str(event.failures).encode()),
        ("__dlq.errors.message", failure.detail.encode()),
        (REASON, event.cause.name.lower().encode()),
        *_said(failure),
        (FIRST_FAILED_AT, _when(event.first_failed_at)),
        (FAILED_AT, _when(event.time)),
        (VERSION, f"rules {rules}".encode()),
    ]
    if value is not None and len(value) > most:
        headers.append((CUT, str(len(value)).encode()))
        value = value[:most]
    return Entry(record.key, value, headers)


def kept(headers: Headers) -> Sequence[tuple[str, bytes]]:
    """What the sender said: its trace above all."""
    return [(name, value) for name, value in headers if not name.startswith(_OURS)]


def _said(failure: Failure | None) -> Iterable[tuple[str, bytes]]:
    if failure is not None:
        yield EXCEPTION, " at ".join(filter(None, (failure.detail, failure.place))).encode()


def _when(time: int) -> bytes:
    return datetime.fromtimestamp(time // NANOSECONDS, UTC).isoformat().encode()
