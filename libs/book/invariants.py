"""What always holds in a book between commands. `check` walks everything; production asserts the cheap ones."""

from __future__ import annotations

from libs.book.fold import Broken
from libs.book.ladder import Ladder, Level
from libs.book.parked import ParkedCommands
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.stops import through


def crossed(book: ProductBook) -> bool:
    """True if the best bid meets the best ask: an order rests that should have traded."""
    bid, ask = book.bids.best, book.asks.best
    return bid is not None and ask is not None and bid.price >= ask.price


def check(state: PartitionState) -> None:
    """Raises Broken with what does not hold, of whole books: for tests, audits and restores."""
    _check_parked(state.parked)
    for book in state.products.values():
        name = book.product.product_id
        if crossed(book):
            raise Broken(f"{name}: crossed book")
        resting = _check_ladder(name, book.bids) + _check_ladder(name, book.asks)
        armed = _check_stops(name, book)
        owned = sum(len(owner) for owner in book.accounts.values())
        if not resting + armed == len(book.orders) == owned:
            raise Broken(
                f"{name}: {resting} orders rest, {armed} are armed, {len(book.orders)} are indexed, {owned} have an account"
            )


def _check_parked(parked: ParkedCommands) -> None:
    """Lines, names and keys are those of what waits, and each line is in log order."""
    again = ParkedCommands()
    for waits in parked.values():
        again.put(waits)
    lines = [(line, list(ids)) for line, ids in sorted(parked.lines.items())]
    if lines != [(line, list(ids)) for line, ids in sorted(again.lines.items())]:
        raise Broken("parked commands and their lines differ")
    if (parked.names, parked.keys_used) != (again.names, again.keys_used):
        raise Broken("parked commands and the names and keys that are in use differ")


def _check_ladder(name: str, ladder: Ladder) -> int:
    if ladder.keys != sorted(ladder.sign * price for price in ladder.levels):
        raise Broken(f"{name}: sorted prices and levels differ")
    best = ladder.levels[ladder.sign * ladder.keys[-1]] if ladder.keys else None
    if ladder.best is not best or (best is not None and not best.count):
        raise Broken(f"{name}: the best level is not the first")
    if ladder.empty != sum(not level.count for level in ladder.levels.values()):
        raise Broken(f"{name}: {ladder.empty} levels are said to be empty, and others are")
    return sum(_check_level(name, level) for level in ladder)


def _check_level(name: str, level: Level) -> int:
    orders = list(level)
    if level.count != len(orders):
        raise Broken(f"{name}: level {level.price} counts {level.count} orders and queues {len(orders)}")
    if level.volume != sum(order.displayed for order in orders):
        raise Broken(f"{name}: level {level.price} has volume {level.volume}, its orders add up to something else")
    if [order.priority for order in orders] != sorted(order.priority for order in orders):
        raise Broken(f"{name}: level {level.price} is not in time order")
    for order in orders:
        if order.price != level.price or order.armed:
            raise Broken(f"{name}: order {order.order_id.hex()} stands at {level.price}, and does not belong there")
        if not 0 < order.displayed <= order.remaining or order.filled < 0 or order.taken_off < 0:
            raise Broken(f"{name}: order {order.order_id.hex()}: size is not filled + remaining + taken off")
        if order.max_floor and order.displayed > order.max_floor:
            raise Broken(f"{name}: order {order.order_id.hex()} shows more than its max_floor")
    return len(orders)


def _check_stops(name: str, book: ProductBook) -> int:
    armed = list(book.stops)
    if len(armed) != book.stops.count or any(book.orders.get(order.order_id) is not order for order in armed):
        raise Broken(f"{name}: {book.stops.count} stops are counted, {len(armed)} wait")
    if any(through(order.side, order.stop_price, book.last_price) for order in armed):
        raise Broken(f"{name}: a stop waits that the last trade is through")
    return len(armed)
