"""The book that the API shows, and the one that `libs.book` folds, against the naive one."""

from collections.abc import Sequence
from typing import Final

from libs.book.partition import PartitionState
from libs.events import ids
from libs.events.decimals import to_text
from libs.events.values import Product, Side
from sim.check.difference import same
from sim.check.naive import NaiveBook
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
    """The state that a worker would recover."""
    folded = state.products[number]
    for side in _SIDES:
        rows = [(order.price, order.displayed, order.order_id) for level in folded.ladder(side) for order in level]
        _same_rows(f"folded book of {product.product_id}, {side.name}", book.resting(side), rows)
    same(f"folded last trade of {product.product_id}", len(book.trades) and book.trades[-1][0], folded.trade_id)


def _same_rows(what: str, expected: Sequence[object], found: Sequence[object]) -> None:
    for place, (left, right) in enumerate(zip(expected, found, strict=False)):
        same(f"{what}: place {place}", left, right)
    same(f"{what}: orders", len(expected), len(found))
