"""The book that the API shows, and the one that `libs.book` folds, against the naive one."""

from collections.abc import Sequence
from typing import Final

from libs.book.orders import Order
from libs.book.partition import PartitionState
from libs.events import ids
from libs.events.decimals import to_text
from libs.events.values import Product, Side
from sim.check.difference import same
from sim.check.naive.book import NaiveBook
from sim.check.naive.order import NaiveOrder
from sim.exchange import Book

_SIDES: Final = (Side.BUY, Side.SELL)


def compare_shown(product: Product, book: NaiveBook, shown: Book) -> None:
    """Level 3 of the API: every order, in its place, with its price and size as text."""
    for side, rows in zip(_SIDES, (shown.bids, shown.asks), strict=True):
        expected = [
            (to_text(price, product.price_scale), to_text(size, product.size_scale), ids.text(order))
            for price, size, order in book.resting(side)
        ]
        _same_rows(f"level 3 of {product.product_id}, {side.name}", expected, rows)


def compare_folded(state: PartitionState, number: int, product: Product, book: NaiveBook) -> None:
    """The state that a worker would recover: queues, armed stops, switches, and what else stands of each order."""
    folded, name = state.products[number], product.product_id
    for side in _SIDES:
        rows = [_row(order) for level in folded.ladder(side) for order in level]
        _same_rows(f"folded book of {name}, {side.name}", list(map(_row, book.queue(side).in_order())), rows)
    _same_rows(f"folded stops of {name}", list(map(_row, book.stops.values())), list(map(_row, folded.stops)))
    same(f"folded switches of {name}", book.deadlines.switches, folded.deadlines.switches)
    same(f"folded last trade of {name}", (book.trade_id, book.last_price), (folded.trade_id, folded.last_price))


def _row(order: Order | NaiveOrder) -> tuple[object, ...]:
    return (
        order.price, order.displayed, order.order_id, order.remaining, order.size, order.taken_off, order.max_floor,
        order.stop_price, order.expire_time,
    )  # fmt: skip


def _same_rows(what: str, expected: Sequence[object], found: Sequence[object]) -> None:
    for place, (left, right) in enumerate(zip(expected, found, strict=False)):
        same(f"{what}: place {place}", left, right)
    same(f"{what}: orders", len(expected), len(found))
