"""Times as clients write them (RFC 3339) to integer nanoseconds since the epoch, with no float between."""

import re
from datetime import UTC, datetime
from typing import Final

from libs.events.values import MAX_INTEGER

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
LAST: Final = MAX_INTEGER
"""The latest time that a message holds: in February 2116."""
_FORM: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-]\d{2}:\d{2}))", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotATime(ValueError):
    """The text is no date and time of RFC 3339, or one that the calendar has not."""


def parse(text: str) -> int:
    """`2026-07-01T12:00:00.000000001+02:00` is 1782900000000000001. Before the epoch it is negative."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise NotATime(f"{text[:64]!r} is no time such as 2026-07-01T12:00:00.5Z")
    date, clock, fraction, zone = match.groups()
    try:
        since = datetime.fromisoformat(f"{date}T{clock}{zone or '+00:00'}") - _EPOCH
    except (ValueError, OverflowError):
        raise NotATime(f"{text[:64]!r} is no time that the calendar has") from None
    return (since.days * 86_400 + since.seconds) * SECOND + int((fraction or "").ljust(9, "0"))
