"""The form of a snapshot: what stands in it, and where. Orders are their own rows."""

from __future__ import annotations

from typing import Final

import msgspec

from libs.book.orders import Order
from libs.book.parked import Parked
from libs.book.partition import Tombstone
from libs.book.window import WindowRows
from libs.events.values import Product

VERSION: Final = 3
"""Of the form below."""


class BookRow(msgspec.Struct, frozen=True, array_like=True):
    """Orders of each side from the best level on, each level in queue order; armed stops in arming order."""

    product: Product
    sequence: int
    trade_id: int
    last_price: int
    bids: list[Order]
    asks: list[Order]
    stops: list[Order]
    switches: list[tuple[str, int]]
    """Accounts and the deadlines of their switches, by account."""


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    version: int
    partition: int
    seq: int
    time: int
    command_offset: int
    rules: int
    counter: int
    books: list[BookRow]
    tombstones: list[Tombstone]
    window: WindowRows
    parked: list[Parked] = []
    """In log order."""
    dead_letters: list[tuple[int, int]] = []
    """Offset and replays of each, in log order."""
    faults: list[tuple[int, list[tuple[bytes, int]]]] = []
    """Number and recent faults of each product, by number."""
    cluster_size: int = 0
