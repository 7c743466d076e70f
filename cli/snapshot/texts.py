"""Numbers as people read them, and columns that line up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_SIZES: Final = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
NANOSECONDS: Final = 1_000_000_000


def age(nanoseconds: int) -> str:
    """`90 s`, `25 min`, `3 h`, `4 d`: the largest unit of which there are at least two."""
    seconds = max(nanoseconds, 0) // NANOSECONDS
    unit, length = next((each for each in _UNITS if seconds >= 2 * each[1]), ("s", 1))
    return f"{seconds // length} {unit}"


def size(count: int) -> str:
    unit, length = next((each for each in _SIZES if count >= each[1]), ("B", 1))
    return f"{count} B" if unit == "B" else f"{count / length:.1f} {unit}"


def moment(nanoseconds: int) -> str:
    """`2026-01-31 12:00:00.123456 UTC`"""
    at = datetime.fromtimestamp(nanoseconds // NANOSECONDS, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{nanoseconds % NANOSECONDS // 1_000:06} UTC"


def columns(rows: Sequence[Sequence[str]], *, left: frozenset[int] = frozenset()) -> list[str]:
    """Rows of texts, right-justified but for the columns in `left`."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            text.ljust(width) if at in left else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
