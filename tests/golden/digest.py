"""What of a partition's state must be the same in every version, as a few bytes.

A snapshot's form may change, and with it the hash of a snapshot; these forms never do. The window of recent commands is
left out: its bounds are part of a rules version, and whoever takes a log over remembers by his own.
"""

import hashlib
from typing import Final

import msgspec

from libs.book.ladder import Ladder
from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.book.product import ProductBook

BYTES: Final = 8
LATEST: Final = 3

Value = object


def digest(state: PartitionState, form: int) -> bytes:
    """Form 1: numbers, products, and resting orders in queue order. Form 2: and all that orders of later rules have.
    Form 3: and the size of the cluster."""
    whole = [
        state.seq,
        state.time,
        state.command_offset,
        state.rules,
        state.counter,
        [_book(state.products[number], form) for number in sorted(state.products)],
        [
            [name, stone.product.number, stone.sequence, stone.trade_id]
            for name, stone in sorted(state.tombstones.items())
        ],
    ]
    if form > 2:
        whole.append(state.cluster_size)
    return hashlib.blake2b(msgspec.msgpack.encode(whole), digest_size=BYTES).digest()


def _book(book: ProductBook, form: int) -> Value:
    product = book.product
    found: list[Value] = [
        [product.product_id, product.number, product.partition, product.base_currency, product.quote_currency],
        [product.price_scale, product.size_scale, product.quote_increment, product.base_increment, product.status],
        [product.min_size, product.max_size, product.min_notional],
        [book.sequence, book.trade_id, book.last_price],
        _side(book.bids, form),
        _side(book.asks, form),
    ]
    if form > 1:
        found += [
            [product.price_collar, product.reference_price, product.max_open_orders],
            [_order(order, form) for order in book.stops],
            sorted(book.deadlines.switches.items()),
        ]
    return found


def _side(ladder: Ladder, form: int) -> Value:
    return [[level.price, level.volume, [_order(order, form) for order in level]] for level in ladder]


def _order(order: Order, form: int) -> Value:
    found: list[Value] = [
        order.order_id, order.account, order.client_oid, order.side, order.price, order.size, order.filled,
        order.remaining, order.displayed, order.post_only, order.priority,
    ]  # fmt: skip
    if form > 1:
        found += [
            order.type, order.time_in_force, order.stp, order.max_floor, order.stop_price, order.expire_time,
            order.funds, order.taken_off, order.armed,
        ]  # fmt: skip
    return found
