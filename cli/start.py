"""`--from`: where in the log a reader begins."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from libs.kafka.ports import Bounds, LogReader

EARLIEST: Final = "earliest"
LATEST: Final = "latest"
POLL_S: Final = 1.0
_AGO: Final = re.compile(r"(\d{1,9})(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
EXAMPLES: Final = "earliest, latest, an offset such as 1200, a time ago such as 30s, 10m, 2h, 1d, or a time such as 2026-05-02T02:36:00Z"


class Start(NamedTuple):
    """One of the three is not None."""

    word: str | None = None
    offset: int | None = None
    since: int | None = None
    """ms since the epoch."""


def parse(text: str, now: float) -> Start:
    """`now` in seconds since the epoch. Raises ValueError."""
    if text in {EARLIEST, LATEST}:
        return Start(word=text)
    if text.isascii() and text.isdigit():
        return Start(offset=int(text))
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return Start(since=int((now - int(ago[1]) * _SECONDS[ago[2]]) * 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no start: {EXAMPLES}") from None
    return Start(since=int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000))


async def offset(reader: LogReader, partition: int, start: Start) -> int:
    """The offset to begin at; one outside the log becomes the nearest inside it."""
    bounds = await reader.bounds(partition)
    if start.since is not None:
        return await _first_since(reader, partition, bounds, start.since)
    if start.offset is not None:
        return max(bounds.start, min(start.offset, bounds.end))
    return bounds.start if start.word == EARLIEST else bounds.end


async def _first_since(reader: LogReader, partition: int, bounds: Bounds, moment: int) -> int:
    """By bisection, since records stand in order of time."""
    low, high = bounds
    while low < high:
        middle = (low + high) // 2
        found = await _timestamp(reader, partition, middle)
        if found is not None and found < moment:
            low = middle + 1
        else:
            high = middle
    return low


async def _timestamp(reader: LogReader, partition: int, at: int) -> int | None:
    """Of the first record at or behind an offset; None when there is none (offsets skip)."""
    reader.assign({partition: at})
    records = (await reader.poll(1, POLL_S)).get(partition)
    return records[0].timestamp if records else None
