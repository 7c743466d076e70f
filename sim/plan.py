"""A recorded market as requests: what is sent together, when, and as which JSON. The same plan serves every product.

A created order is a place with the recording's id as its client_oid, a deleted one a cancel. A changed one is an amend
to `size = filled + volume`, and the feed's volume is what remains. Filled is what *our* exchange has filled of it, not
what Bitstamp had: the same orders meet in a book of their own, and only so does the order keep the volume that the
feed says. An outside client learns it by asking, and asking for each of 307,539 rows would be absurd, but there are
only 266 changes, in 154 places where no order is created in between. Cancels and smaller sizes never trade, so one
look at the orders concerned, after everything sent has passed the read side, holds for all changes up to the next
created order. Hence a batch is cut before a change that follows a created order, and changes stand in its `head`.
A feed that tells an order's new total instead (`reduced`) needs no such look.

Trading status is no order: a row of it stands alone, and is another request.

Bodies are made once, with `@` for the product: JSON never holds it elsewhere here, as ids and decimals are digits.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sim.market_by_order import Row
from sim.recording import units, volume_text

ACCOUNTS: Final = 1_000
ACCOUNT_PREFIX: Final = "rec-"
"""Every account of the recording begins so, and no other."""
PLACEHOLDER: Final = b"@"
MAX_BATCH: Final = 500
"""What order_api takes in one request."""


class Change(NamedTuple):
    """A changed row: its amend can be written down only when `filled` is known."""

    order: str
    remaining: int

    def body(self, filled: int) -> bytes:
        return (
            f'{{"op":"amend","product_id":"@","client_oid":"{self.order}",'
            f'"size":"{volume_text(filled + self.remaining)}","account":"{account(self.order)}"}}'
        ).encode()


class Batch(NamedTuple):
    """Rows that are sent together."""

    number: int
    """Counts from 0; with the product it names the request, so that a repeat is told from a new one."""
    rows: Sequence[Row]
    due: int
    """Time of the first row, ms since the epoch."""
    head: Sequence[bytes | Change]
    """Up to the last change: changes and cancels."""
    tail: bytes
    """All the rest, joined by commas."""

    @property
    def status(self) -> str:
        """The trading status to set; empty of a batch of orders."""
        return self.rows[0].order if self.rows[0].action == "status" else ""

    def changed(self) -> list[str]:
        """The orders whose fills must be known."""
        return list(dict.fromkeys(part.order for part in self.head if isinstance(part, Change)))

    def body(self, product: str, filled: dict[str, int]) -> bytes:
        parts = [part.body(filled[part.order]) if isinstance(part, Change) else part for part in self.head]
        if self.tail:
            parts.append(self.tail)
        return b'{"orders":[' + b",".join(parts).replace(PLACEHOLDER, product.encode()) + b"]}"


def account(order: str) -> str:
    """Drawn from the id, evenly over `ACCOUNTS`. An inferred taker (`x…`) has one that no resting order has: the feed
    shows a trade, and nobody trades with himself."""
    taker = "x" if order.startswith("x") else ""
    return f"{ACCOUNT_PREFIX}{taker}{zlib.crc32(order.encode()) % ACCOUNTS:03}"


def is_recorded(name: str) -> bool:
    """Whether an account is one of the recording's."""
    return name.startswith(ACCOUNT_PREFIX)


def batches(rows: Sequence[Row], most: int = MAX_BATCH, span: int | None = None) -> Iterator[Batch]:
    """Cut after `most` rows, after `span` ms of the feed's time, before a change that follows a created order, and
    around a trading status."""
    start, number, placed = 0, 0, False
    for at, row in enumerate(rows):
        full = at - start >= most or (span is not None and row.time - rows[start].time >= span)
        alone = row.action == "status" or rows[at - 1].action == "status"
        if at > start and (full or alone or (placed and row.action == "changed")):
            yield _batch(number, rows[start:at])
            start, number, placed = at, number + 1, False
        placed = placed or row.action == "created"
    if start < len(rows):
        yield _batch(number, rows[start:])


def rest(batch: Batch, start: int) -> Batch:
    """What is left of a batch without its first `start` rows. It is another request, with another key."""
    return _batch(batch.number, batch.rows[start:])


def _batch(number: int, rows: Sequence[Row]) -> Batch:
    if rows[0].action == "status":
        return Batch(number, rows, rows[0].time, (), b"")
    changes = [at for at, row in enumerate(rows) if row.action == "changed"]
    cut = changes[-1] + 1 if changes else 0
    head: list[bytes | Change] = [
        Change(row.order, units(row.volume)) if row.action == "changed" else _item(row) for row in rows[:cut]
    ]
    return Batch(number, rows, rows[0].time, head, b",".join(map(_item, rows[cut:])))


def _item(row: Row) -> bytes:
    who = account(row.order)
    if row.action == "deleted":
        return f'{{"op":"cancel","product_id":"@","client_oid":"{row.order}","account":"{who}"}}'.encode()
    if row.action == "reduced":
        return (
            f'{{"op":"amend","product_id":"@","client_oid":"{row.order}","size":"{row.volume}","account":"{who}"}}'
        ).encode()
    price = f'"type":"limit","price":"{row.price}"' if row.price else '"type":"market"'
    if row.action == "taken":
        price += ',"time_in_force":"IOC"'
    return (
        f'{{"op":"place","product_id":"@","side":"{row.side}",{price},"size":"{row.volume}",'
        f'"client_oid":"{row.order}","account":"{who}"}}'
    ).encode()
