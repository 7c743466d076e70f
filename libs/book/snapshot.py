"""A partition's state as bytes and back, canonical: equal states give equal bytes, so their hash is the state's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import chain
from typing import Final

import msgspec

from libs.book import earlier_form
from libs.book.forms import VERSION, BookRow, Snapshot
from libs.book.ladder import Ladder
from libs.book.orders import Order
from libs.book.parked import Faults
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.window import Window


class _Version(msgspec.Struct, frozen=True, array_like=True):
    """What every form begins with."""

    version: int


class Unusable(ValueError):
    """The bytes hold no snapshot that this code can restore; the message says why."""


_encoder: Final = msgspec.msgpack.Encoder()
_versions: Final = msgspec.msgpack.Decoder(_Version)
_decoder: Final = msgspec.msgpack.Decoder(Snapshot)


def dump(state: PartitionState) -> bytes:
    """The whole state. Only between commands: an order that is open but in no queue is not in it."""
    return _encoder.encode(
        Snapshot(
            VERSION,
            state.partition,
            state.seq,
            state.time,
            state.command_offset,
            state.rules,
            state.counter,
            [_book_row(state.products[number]) for number in sorted(state.products)],
            [state.tombstones[product_id] for product_id in sorted(state.tombstones)],
            state.window.rows(),
            list(state.parked.values()),
            list(state.dead_letters.items()),
            [(number, list(faults.items())) for number, faults in sorted(state.faults.items())],
            state.cluster_size,
        )
    )


def load(data: bytes) -> PartitionState:
    """Raises Unusable for bytes that are damaged, cut short, or of a version that is not read."""
    try:
        snapshot = _decoded(data)
        window = Window.restored(snapshot.window)
    except Unusable:
        raise
    except ValueError as error:
        raise Unusable(f"not a snapshot: {error}") from error
    state = PartitionState(snapshot.partition)
    state.seq = snapshot.seq
    state.time = snapshot.time
    state.command_offset = snapshot.command_offset
    state.rules = snapshot.rules
    for row in snapshot.books:
        _restore_book(state, row)
    state.counter = snapshot.counter
    state.tombstones = {tombstone.product.product_id: tombstone for tombstone in snapshot.tombstones}
    state.window = window
    for parked in snapshot.parked:
        state.parked.put(parked)
    state.dead_letters = dict(snapshot.dead_letters)
    state.faults = Faults({number: dict(faults) for number, faults in snapshot.faults})
    state.cluster_size = snapshot.cluster_size
    return state


def _decoded(data: bytes) -> Snapshot:
    version = _versions.decode(data).version
    if version == earlier_form.VERSION:
        return earlier_form.decode(data)
    if version != VERSION:
        raise Unusable(f"snapshot of version {version}, this code reads {earlier_form.VERSION} and {VERSION}")
    return _decoder.decode(data)


def state_hash(state: PartitionState) -> str:
    return hashlib.blake2b(dump(state), digest_size=16).hexdigest()


def _book_row(book: ProductBook) -> BookRow:
    return BookRow(
        book.product,
        book.sequence,
        book.trade_id,
        book.last_price,
        _orders(book.bids),
        _orders(book.asks),
        list(book.stops),
        sorted(book.deadlines.switches.items()),
    )


def _orders(ladder: Ladder) -> list[Order]:
    return [order for level in ladder for order in level]


def _restore_book(state: PartitionState, row: BookRow) -> None:
    book = state.list_product(row.product)
    book.sequence = row.sequence
    book.trade_id = row.trade_id
    book.last_price = row.last_price
    restore(book, chain(row.bids, row.asks))
    restore(book, row.stops)
    for account, deadline in row.switches:
        book.deadlines.switch(account, deadline)


def restore(book: ProductBook, orders: Iterable[Order]) -> None:
    """Put open orders back, each side's in queue order, armed stops in arming order."""
    for order in orders:
        book.keep(order)
        if order.armed:
            order.armed = False
            book.stops.arm(order, order.priority)
        else:
            book.ladder(order.side).append(order)
