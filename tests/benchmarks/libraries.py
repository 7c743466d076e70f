"""Two matchers from the package index, given what they can do of a stream.

Neither knows amends, IOC, stops or icebergs: such commands are left out for them, and named. Each gets its arguments ready
made, as the engine gets decoded commands. Their logs are off.
"""

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from lightmatchingengine import lightmatchingengine as light
from pyorderbook import Book, Order, Side

from libs.events.commands import AnyCommand, CancelOrder, PlaceOrder
from libs.events.values import TimeInForce

_NO_LOG = logging.CRITICAL + 1


def left_out(command: AnyCommand) -> str:
    """What of it is beyond both libraries; empty if nothing is."""
    if isinstance(command, CancelOrder):
        return ""
    if not isinstance(command, PlaceOrder):
        return "amend"
    if command.stop_price:
        return "stops"
    if command.max_floor:
        return "icebergs"
    return "" if command.time_in_force is TimeInForce.GTC else "IOC"


class _Call(NamedTuple):
    order_id: int
    """The library's own, of a cancel; 0 of a place."""
    number: int
    price: int
    size: int
    side: int


class LightMatchingEngine:
    """lightmatchingengine gives orders their ids, one after the other. It finds the best price by looking at all."""

    name = "lightmatchingengine"

    def __init__(self) -> None:
        self._engine = light.LightMatchingEngine()
        self._ids: dict[bytes, int] = {}

    def fill(self, command: PlaceOrder) -> None:
        """What `add_order` does with an order that meets nothing, but for its search, which would take minutes."""
        self._engine.curr_order_id = order_id = self._next()
        self._ids[command.order_id] = order_id
        book = self._engine.order_books.setdefault(command.number, light.OrderBook())
        order = light.Order(order_id, command.number, command.price, command.size, int(command.side))
        levels = book.bids if command.side == light.Side.BUY else book.asks
        levels.setdefault(command.price, []).append(order)
        book.order_id_map[order_id] = order

    def decide(self, commands: Sequence[AnyCommand]) -> float:
        """Seconds."""
        calls = [call for command in commands if (call := self._call(command)) is not None]
        add, cancel = self._engine.add_order, self._engine.cancel_order
        began = time.thread_time()
        for order_id, number, price, size, side in calls:
            if not order_id:
                add(number, price, size, side)
                continue
            try:
                cancel(order_id, number)
            except AssertionError:  # its way to say that the order was filled
                pass
        return time.thread_time() - began

    def resting(self) -> int:
        """Orders in its queues."""
        books = self._engine.order_books.values()
        return sum(len(queue) for book in books for side in (book.bids, book.asks) for queue in side.values())

    def _call(self, command: AnyCommand) -> _Call | None:
        if isinstance(command, PlaceOrder):
            self._ids[command.order_id] = self._next()
            return _Call(0, command.number, command.price, command.size, int(command.side))
        order_id = self._ids.get(command.order_id)
        return None if order_id is None else _Call(order_id, command.number, 0, 0, 0)

    def _next(self) -> int:
        return len(self._ids) + 1


class PyOrderBook:
    """pyorderbook takes orders of its own, which give themselves an id and a decimal: a part of what it does, and timed."""

    name = "pyorderbook"

    def __init__(self) -> None:
        logging.getLogger("pyorderbook").setLevel(_NO_LOG)
        self._book = Book()
        self._orders: dict[bytes, Order] = {}
        """Whoever wants to cancel an order must have kept it."""

    def fill(self, command: PlaceOrder) -> None:
        order = self._orders[command.order_id] = Order(*_arguments(command))
        self._book.enqueue_order(order)

    def decide(self, commands: Sequence[AnyCommand]) -> float:
        """Seconds."""
        calls = [
            (command.order_id, _arguments(command) if isinstance(command, PlaceOrder) else None) for command in commands
        ]
        match, cancel, orders = self._book.match, self._book.cancel, self._orders
        began = time.thread_time()
        for order_id, arguments in calls:
            if arguments is not None:
                order = orders[order_id] = Order(*arguments)
                match(order)
                continue
            try:
                cancel(orders[order_id])
            except KeyError:  # its way to say that the order was filled
                pass
        return time.thread_time() - began

    def resting(self) -> int:
        """Orders in its queues."""
        return len(self._book.order_map)


def _arguments(command: PlaceOrder) -> tuple[Side, str, int, int]:
    return Side.BID if command.side == 1 else Side.ASK, str(command.number), command.price, command.size
