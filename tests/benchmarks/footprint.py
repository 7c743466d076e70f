"""A part: what the state of a partition costs. Memory a resting order and a remembered command, and a snapshot's bytes and time.

The window and the orders are measured apart: first a million commands of which nothing rests, then a million orders that
come so slowly that the window forgets nearly all of them. Bytes are those by which the process grew. What belongs to
orders, queues and indexes is found by walking through a smaller book of as many orders a level.
"""

import gc
import random
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

import msgspec

from libs.book.snapshot import dump, load
from libs.events.codec import decode_command, encode
from libs.events.commands import AnyCommand
from libs.events.values import Side, TimeInForce
from libs.matching import Engine
from tests.benchmarks.child import serve
from tests.benchmarks.contest import START
from tests.benchmarks.entry import ACCOUNTS, OrderEntry, listed
from tests.benchmarks.flow import MID
from tests.benchmarks.scenarios import NUMBER, SIDES, maker

_SLOW: Final = 1_000_000_000
_FAST: Final = 100_000
"""ns between two commands."""
_AT_A_PRICE: Final = (25, 2.5)
"""Orders; the first is that of the book whose growth is measured."""
_WALKED: Final = 100_000
"""Orders."""
_NOT_STATE: Final = (type, ModuleType, FunctionType)


class Task(msgspec.Struct):
    count: int
    """Of orders, and of commands in the window."""


class Shape(msgspec.Struct):
    """Bytes of a resting order, by what they are for."""

    at_a_price: float
    order: float
    queue: float
    index: float


class Footprint(msgspec.Struct):
    orders: int
    order_bytes: float
    """Everything that is there because an order rests, but for the window."""
    shapes: list[Shape]
    window: int
    """Commands in it."""
    window_bytes: float
    """Of a command that came with a key and is done."""
    snapshot_bytes: int
    dump_seconds: float
    load_seconds: float


async def main(task: Task) -> Footprint:
    _decide_all([], 0)
    before = _resident()
    remembers = _decide_all(_of_which_none_rests(task.count), _FAST)
    window = _resident() - before
    before = _resident()
    state = _decide_all(_resting(task.count, _AT_A_PRICE[0]), _SLOW).state
    orders = _resident() - before
    began = time.thread_time()
    data = dump(state)
    dumped = time.thread_time()
    load(data)
    loaded = time.thread_time()
    return Footprint(
        task.count,
        orders / task.count,
        [_shape(at_a_price) for at_a_price in _AT_A_PRICE],
        len(remembers.state.window),
        window / len(remembers.state.window),
        len(data),
        dumped - began,
        loaded - dumped,
    )


def _resting(count: int, at_a_price: float) -> Iterator[AnyCommand]:
    entry, dice, ticks = OrderEntry(START, _SLOW), random.Random(8), int(count / (2 * at_a_price))
    return (maker(entry, dice, dice.choice(SIDES), MID, ticks) for _ in range(count))


def _of_which_none_rests(count: int) -> Iterator[AnyCommand]:
    entry = OrderEntry(START, _FAST)
    return (entry.place(NUMBER, ACCOUNTS[at % len(ACCOUNTS)], Side.BUY, MID, 1, TimeInForce.IOC) for at in range(count))


def _decide_all(commands: Iterable[AnyCommand], step: int) -> Engine:
    """Commands are decoded, so that what is kept of one is no other's."""
    engine = Engine(0)
    engine.handle(listed(NUMBER, "BTC-USD", START), 0, START)
    for offset, command in enumerate(commands, 1):
        engine.handle(decode_command(encode(command)), offset, command.sent + step)
    gc.collect()
    return engine


def _resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _shape(at_a_price: float) -> Shape:
    """What is reached first through an order is the order's, then through a queue the queue's, and the rest is index."""
    book = _decide_all(_resting(_WALKED, at_a_price), _SLOW).state.products[NUMBER]
    seen = {id(book.product)}
    order = _weight(book.orders.values(), seen)
    queue = _weight((book.bids, book.asks), seen)
    index = _weight((book,), seen)
    return Shape(at_a_price, order / _WALKED, queue / _WALKED, index / _WALKED)


def _weight(roots: Iterable[object], seen: set[int]) -> int:
    """Bytes of all that hangs on `roots` and was not seen before."""
    total, left = 0, list(roots)
    while left:
        found = left.pop()
        if id(found) in seen or isinstance(found, _NOT_STATE):
            continue
        seen.add(id(found))
        total += sys.getsizeof(found)
        left += _held(found)
    return total


def _held(by: object) -> list[object]:
    if isinstance(by, msgspec.Struct):  # the collector knows nothing of some of them
        return [getattr(by, name) for name in by.__struct_fields__]
    return gc.get_referents(by)


if __name__ == "__main__":
    serve(Task, main)
