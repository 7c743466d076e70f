"""What always holds in a book between commands. `check` walks everything; production asserts the cheap ones."""

from __future__ import annotations

from libs.book.fold import Broken
from libs.book.ladder import Ladder
from libs.book.partition import PartitionState
from libs.book.product import ProductBook


def crossed(book: ProductBook) -> bool:
    """True if the best bid meets the best ask: an order rests that should have traded."""
    bid, ask = book.bids.best, book.asks.best
    return bid is not None and ask is not None and bid.price >= ask.price


def check(state: PartitionState) -> None:
    """Raises Broken with what does not hold, of whole books: for tests, audits and restores."""
    for book in state.products.values():
        name = book.product.product_id
        if crossed(book):
            raise Broken(f"{name}: crossed book")
        resting = _check_ladder(name, book.bids) + _check_ladder(name, book.asks)
        owned = sum(len(account.orders) for account in book.accounts.values())
        if not resting == len(book.orders) == owned:
            raise Broken(f"{name}: {resting} orders rest, {len(book.orders)} are indexed, {owned} have an account")


def _check_ladder(name: str, ladder: Ladder) -> int:
    if ladder.keys != sorted(ladder.sign * price for price in ladder.levels):
        raise Broken(f"{name}: sorted prices and levels differ")
    best = ladder.levels[ladder.sign * ladder.keys[-1]] if ladder.keys else None
    if ladder.best is not best:
        raise Broken(f"{name}: the best level is not the first")
    count = 0
    for level in ladder:
        orders = list(level)
        if not orders or level.count != len(orders):
            raise Broken(f"{name}: level {level.price} counts {level.count} orders and queues {len(orders)}")
        if level.volume != sum(order.displayed for order in orders):
            raise Broken(f"{name}: level {level.price} has volume {level.volume}, its orders add up to something else")
        if [order.priority for order in orders] != sorted(order.priority for order in orders):
            raise Broken(f"{name}: level {level.price} is not in time order")
        for order in orders:
            if order.size != order.filled + order.remaining or not 0 < order.displayed <= order.remaining:
                raise Broken(f"{name}: order {order.order_id.hex()}: size is not filled + remaining")
        count += len(orders)
    return count
