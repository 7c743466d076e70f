"""Figures and how they are printed: what was measured, what the machine gives at best, and what both used."""

from collections.abc import Sequence
from typing import NamedTuple

_SEPARATOR = "  "


class Figure(NamedTuple):
    """One line of the table. Values are printed as they are; `share` is measured / baseline where that means something."""

    what: str
    measured: str
    baseline: str = ""
    share: str = ""
    notes: Sequence[str] = ()
    """Printed below the line, each on its own."""


HEAD = Figure("", "measured", "baseline", "share")


def rate(value: float, unit: str) -> str:
    """`81,200 commands/s`, to three digits: the rest is noise."""
    digits = max(0, len(str(int(value))) - 3)
    return f"{round(value, -digits):,.0f} {unit}"


def compared(what: str, value: float, baseline: float, unit: str, of: str, notes: Sequence[str] = ()) -> Figure:
    """A rate beside the rate of `of`."""
    share = f"{value / baseline:.0%}" if baseline else ""
    return Figure(what, rate(value, unit), f"{rate(baseline, unit)}: {of}", share, notes)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def render(figures: Sequence[Figure]) -> str:
    """The table as text, columns as wide as they need to be."""
    rows = [HEAD, *figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        cells = [row.what.ljust(widths[0]), row.measured.rjust(widths[1]), row.share.rjust(widths[3]), row.baseline]
        lines.append(_SEPARATOR.join(cells).rstrip())
        lines += [f"    {note}" for note in row.notes]
    return "\n".join(lines)


def quantile(values: Sequence[float], share: float) -> float:
    """Of ascending values: the smallest that at least `share` of them do not exceed; 0 of none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
