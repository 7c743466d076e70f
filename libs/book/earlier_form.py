"""Snapshots of version 2, read as today's: an upgrade needs no fold from the beginning of the log.

It knew nothing of commands that failed: there were none.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from libs.book.forms import VERSION as TODAY
from libs.book.forms import BookRow, Snapshot
from libs.book.orders import Order
from libs.book.partition import Tombstone
from libs.book.window import Generation, WindowRows
from libs.events.values import OrderType, Product, SelfTradePrevention, Side, TimeInForce

VERSION: Final = 2


class _Order(msgspec.Struct, frozen=True, array_like=True, gc=False):
    order_id: bytes
    account: str
    client_oid: str
    key: int
    side: Side
    type: OrderType
    price: int
    size: int
    remaining: int
    displayed: int
    priority: int
    time_in_force: TimeInForce
    post_only: bool
    stp: SelfTradePrevention
    max_floor: int
    stop_price: int
    expire_time: int
    funds: int
    taken_off: int
    armed: bool


class _BookRow(msgspec.Struct, frozen=True, array_like=True):
    product: Product
    sequence: int
    trade_id: int
    last_price: int
    bids: list[_Order]
    asks: list[_Order]
    stops: list[_Order]
    switches: list[tuple[str, int]]


class _Generation(NamedTuple):
    second: int
    latest: int
    ids: int
    keys: int


class _WindowRows(msgspec.Struct, frozen=True, array_like=True):
    watermark: int
    generations: list[_Generation]
    ids: list[bytes]
    first: dict[int, bytes]


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    version: int
    partition: int
    seq: int
    time: int
    command_offset: int
    rules: int
    counter: int
    books: list[_BookRow]
    tombstones: list[Tombstone]
    window: _WindowRows


_decoder: Final = msgspec.msgpack.Decoder(_Snapshot)


def decode(data: bytes) -> Snapshot:
    """Raises ValueError for bytes that hold no snapshot of this version."""
    found = _decoder.decode(data)
    books = [_book(row) for row in found.books]
    # fmt: off
    return Snapshot(
        TODAY, found.partition, found.seq, found.time, found.command_offset, found.rules, found.counter, books,
        found.tombstones, _window(found.window),
    )
    # fmt: on


def _book(row: _BookRow) -> BookRow:
    bids, asks, stops = (list(map(_order, orders)) for orders in (row.bids, row.asks, row.stops))
    return BookRow(row.product, row.sequence, row.trade_id, row.last_price, bids, asks, stops, row.switches)


def _order(row: _Order) -> Order:
    # fmt: off
    return Order(
        row.order_id, row.account, row.client_oid or row.key, row.side, row.price, row.size, row.remaining,
        row.displayed, row.priority, row.time_in_force, row.post_only, row.stp, row.max_floor, row.stop_price,
        row.expire_time, row.funds, row.taken_off, row.armed,
    )
    # fmt: on


def _window(rows: _WindowRows) -> WindowRows:
    keys = dict.fromkeys(rows.ids, 0)
    keys.update((command_id, key) for key, command_id in rows.first.items())
    generations = [Generation(each.second, each.latest, each.ids) for each in rows.generations]
    return WindowRows(rows.watermark, generations, b"".join(keys), list(keys.values()))
