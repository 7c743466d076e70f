"""A recorded market as actions on single orders: the port between file formats and whoever replays them.

A format is an adapter (`sim.recording`, `sim.lobster`) that turns lines of a file into `Row`s. What follows from there
(requests over HTTP, or commands for the engine alone) knows no format. Decimals are exact text, as at the edge.
"""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TextIO, TypeAlias

MOST_COLUMNS: Final = 64
_GZIP: Final = b"\x1f\x8b"

Action: TypeAlias = Literal["created", "taken", "changed", "reduced", "deleted", "status"]
"""What a row does.

created: an order that rests with what it does not trade at once; without a price a market order.
taken: an order that takes what is there at its price and never rests.
changed: `volume` is what remains of the order.
reduced: `volume` is the order's new total, what was filled included.
deleted: the order is cancelled.
status: the market's trading status becomes what stands in `order`.
"""


class Row(NamedTuple):
    """One action. Decimals are exact text; of a market order the price is empty."""

    action: Action
    order: str
    time: int
    """ms since the epoch."""
    side: Literal["buy", "sell"]
    price: str
    volume: str


class NoRecording(Exception):
    """The recording is not there, or is not what it should be. The message says what to do."""


class BadRow(NoRecording):
    """A line that cannot be read: which one, what is wrong with it, and what to do."""

    def __init__(self, file: Path, line: int, what: str, before: int) -> None:
        """`before` counts the rows that stand before the line."""
        advice = f"; --limit {before} replays what stands before it" if before > 0 else ""
        super().__init__(f"{file.name} line {line}: {what}. Repair the line, or take it out{advice}.")
        self.line = line


class Source(Protocol):
    """A file in one of the formats."""

    @property
    def product(self) -> str:
        """The product it is replayed on, unless somebody names another."""
        ...

    @property
    def price_increment(self) -> str: ...

    @property
    def size_increment(self) -> str: ...

    @property
    def tally(self) -> Counter[str]:
        """What was passed over and what was inferred, by kind; of all rows that were read."""
        ...

    def rows(self, limit: int | None = None) -> Iterator[Row]:
        """Actions in order, of the first `limit` lines of the file if one is given. Raises NoRecording."""
        ...


def lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV file, gzipped or not, with their numbers from 1. Raises NoRecording."""
    try:
        with _opened(file) as text:
            reader = csv.reader(text)
            for columns in reader:
                if len(columns) > MOST_COLUMNS:
                    raise NoRecording(
                        f"{file.name} line {reader.line_num} has {len(columns)} columns: no format has so many."
                    )
                yield reader.line_num, columns
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise NoRecording(f"{file} is cut short or damaged ({error}): get the file again.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise NoRecording(f"{file} is no CSV file ({error}).") from error
    except OSError as error:
        raise NoRecording(f"{file} cannot be read: {error.strerror or error}.") from error


def _opened(file: Path) -> TextIO:
    with file.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    if packed:
        return gzip.open(file, "rt", encoding="ascii", newline="")
    return file.open("rt", encoding="ascii", newline="")
