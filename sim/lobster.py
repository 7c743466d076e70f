"""LOBSTER message files: what happened to the visible orders of one stock on one day of NASDAQ.

Six columns and no header: seconds after midnight, type, order id, size, price × 10,000, direction of the *resting*
order (1 buy, -1 sell). The readme of lobsterdata.com is the description. What stands there is what became of the book,
not what was asked for, so some of it is inferred:

* An execution (type 4) names the resting order only. The order that met it is made up: of the opposite side, at that
  price and size, taking what is there and never resting. Its name is `x` and the number of its line.
* An order that a file speaks of and never submits (it rested before the file begins, or was submitted outside the
  file's price levels) is submitted with all the size that the file takes off it. Ids are given in the order of
  submission: it comes before the first submission with a larger id, and before whatever happens to it.
* A partial cancellation (type 2) lowers the order's total; one that leaves nothing is a deletion.

Hidden executions (type 5) met orders that no feed shows, and a cross (type 6) sums up executions that stand there one
by one: both are passed over and counted. Halts (type 7) are passed over unless they are asked for.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from sim.market_by_order import BadRow, Row, lines

COLUMNS: Final = 6
PRICE_SCALE: Final = 4
_NAME: Final = re.compile(r"(?P<ticker>[A-Za-z0-9.]+)_(?P<day>\d{4}-\d{2}-\d{2})_")
_LONGEST_NUMBER: Final = 18
"""Digits of an id, a size or a price."""
_DAY_S: Final = 86_400
_STATUSES: Final = {-1: "halted", 0: "limit_only", 1: "online"}
"""By the price of a type 7: trading halts, quotes are taken again, trading goes on."""

SUBMISSION, REDUCTION, DELETION, EXECUTION, HIDDEN, CROSS, HALT = range(1, 8)

Side: TypeAlias = Literal["buy", "sell"]


class Message(NamedTuple):
    """One line. The price is in ten-thousandths, the time in ms since the epoch."""

    line: int
    time: int
    kind: int
    order: int
    size: int
    price: int
    side: Side


class Standing:
    """An order in the book of the file's own market."""

    __slots__ = ("price", "remaining", "side", "total")

    def __init__(self, side: Side, price: int, total: int) -> None:
        self.side = side
        self.price = price
        self.total = total
        self.remaining = total


class Lobster:
    """A message file. It is read twice: who is never submitted is known only at its end."""

    price_increment: Final = "0.0001"
    size_increment: Final = "1"

    def __init__(self, file: Path, *, halts: bool = False) -> None:
        named = _NAME.match(file.name)
        self.product = f"{re.sub('[^A-Z0-9]', '', named['ticker'].upper())[:16]}-USD" if named else "LOBSTER-USD"
        self.tally: Counter[str] = Counter()
        self._file = file
        self._halts = halts
        self._midnight = _midnight(named["day"] if named else "")
        self._open: dict[int, Standing] = {}
        self._unseen: list[tuple[int, Standing]] = []
        """Orders that are never submitted, by id, the smallest last."""
        self._missing: set[int] = set()
        """Their ids, as long as they have not been placed."""

    def rows(self, limit: int | None = None) -> Iterator[Row]:
        self.tally.clear()
        self._open.clear()
        unseen = self._never_submitted(limit)
        self._unseen = sorted(unseen.items(), reverse=True)
        self._missing = set(unseen)
        for message in self._messages(limit):
            yield from self._actions(message)

    def _messages(self, limit: int | None) -> Iterator[Message]:
        for number, columns in islice(lines(self._file), limit):
            try:
                yield _message(number, columns, self._midnight)
            except ValueError as error:
                raise BadRow(self._file, number, str(error), number - 1) from error

    def _never_submitted(self, limit: int | None) -> dict[int, Standing]:
        submitted: set[int] = set()
        unseen: dict[int, Standing] = {}
        for message in self._messages(limit):
            if message.kind == SUBMISSION:
                submitted.add(message.order)
            elif message.kind in {REDUCTION, DELETION, EXECUTION} and message.order not in submitted:
                found = unseen.setdefault(message.order, Standing(message.side, message.price, 0))
                found.total += message.size
                found.remaining += message.size
        return unseen

    def _actions(self, message: Message) -> Iterator[Row]:
        kind = message.kind
        if kind == SUBMISSION:
            yield from self._place_unseen(message, message.order)
            yield self._submit(message, message.order, Standing(message.side, message.price, message.size))
        elif kind in {HIDDEN, CROSS}:
            self.tally["hidden executions passed over" if kind == HIDDEN else "crosses passed over"] += 1
        elif kind == HALT:
            yield from self._halt(message)
        else:
            if message.order in self._missing:
                yield from self._place_unseen(message, message.order + 1)
            yield from self._take_off(message)

    def _place_unseen(self, message: Message, below: int) -> Iterator[Row]:
        """Whoever is never submitted and has an id below this one stands in the book by now."""
        while self._unseen and self._unseen[-1][0] < below:
            order, standing = self._unseen.pop()
            self._missing.discard(order)
            self.tally["orders inferred that the file never submits"] += 1
            yield self._submit(message, order, standing)

    def _submit(self, message: Message, order: int, standing: Standing) -> Row:
        self._open[order] = standing
        return Row("created", str(order), message.time, standing.side, _price(standing.price), str(standing.total))

    def _take_off(self, message: Message) -> Iterator[Row]:
        """Something ends, shrinks or trades."""
        standing = self._open.get(message.order)
        name, price = str(message.order), _price(message.price)
        if message.kind == EXECUTION:
            taker: Side = "sell" if message.side == "buy" else "buy"
            self.tally["takers inferred from executions"] += 1
            yield Row("taken", f"x{message.line}", message.time, taker, price, str(message.size))
        if standing is None:
            self.tally["messages about orders that are not open"] += 1
            return
        standing.remaining -= message.size
        if message.kind == DELETION or (message.kind == REDUCTION and standing.remaining <= 0):
            yield Row("deleted", name, message.time, message.side, price, str(message.size))
        elif message.kind == REDUCTION:
            standing.total -= message.size
            yield Row("reduced", name, message.time, message.side, price, str(standing.total))
        if message.kind == DELETION or standing.remaining <= 0:
            del self._open[message.order]

    def _halt(self, message: Message) -> Iterator[Row]:
        if not self._halts:
            self.tally["halts passed over"] += 1
            return
        self.tally["halts and resumptions"] += 1
        yield Row("status", _STATUSES[message.price], message.time, "buy", "", "0")


def is_message(columns: Sequence[str]) -> bool:
    """Whether a first line may be one of such a file."""
    return len(columns) == COLUMNS and all(_is_number(column) for column in columns)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _midnight(day: str) -> int:
    """ms since the epoch at the start of the file's day; of a file without one, of 1970-01-01."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return 0
    return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) * 1000


def _message(number: int, columns: Sequence[str], midnight: int) -> Message:
    """Raises ValueError that says what is wrong."""
    if len(columns) != COLUMNS:
        raise ValueError(f"it has {len(columns)} columns, and not time, type, order id, size, price, direction")
    time, kind, order, size, price, direction = columns
    found = Message(
        number,
        midnight + _milliseconds(time),
        _integer("type", kind),
        _integer("order id", order),
        _integer("size", size),
        _integer("price", price),
        "buy" if direction == "1" else "sell",
    )
    if not SUBMISSION <= found.kind <= HALT:
        raise ValueError(f"{kind!r} is no type (1 to 7)")
    if found.kind == HALT:
        if found.price not in _STATUSES:
            raise ValueError(f"a halt with the price {price} says nothing (-1 halt, 0 quotes, 1 trading)")
        return found
    if direction not in {"1", "-1"}:
        raise ValueError(f"{direction!r} is no direction (1 buy, -1 sell)")
    if found.kind in {HIDDEN, CROSS}:
        return found
    for name, value in (("order id", found.order), ("size", found.size), ("price", found.price)):
        if value <= 0:
            raise ValueError(f"the {name} {value} is not above 0")
    return found


def _integer(name: str, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"{text[:32]!r} is no {name}: an integer is expected")
    return int(text)


def _milliseconds(text: str) -> int:
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:32]!r} is no time in seconds after midnight") from None
    if not seconds.is_finite() or not 0 <= seconds <= _DAY_S:
        raise ValueError(f"{text[:32]} seconds after midnight are not within a day")
    return int(seconds * 1000)


def _price(value: int) -> str:
    return f"{value // 10**PRICE_SCALE}.{value % 10**PRICE_SCALE:0{PRICE_SCALE}}"
