"""Row 1: `Engine.handle` beside the scratch matcher, on the same commands, turn by turn in one process.

Both get slices of the stream alternately, so that what else the machine does falls on both; the figure is the median
slice. A slice is decoded just before, as in the worker: commands that wait in memory for long would be measured with
the time it takes to fetch them from there. Time is processor time of this thread: others on the same cores do not count.
"""

import gc
import statistics
import time
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

from libs.book.partition import PartitionState
from libs.events.codec import decode_command, encode
from libs.events.commands import ListProduct
from libs.events.values import NO_ID
from libs.matching import Engine
from libs.service.process import _GC_THRESHOLDS
from tests.benchmarks.flow import Flow
from tests.benchmarks.scratch import ScratchMatcher
from tests.benchmarks.table import Figure, compared, rate

BOOKS: Final = (1_000, 100_000)
_SLICE: Final = 2_000
"""Commands; as many as the worker decides at once."""
_SLICES_A_SECOND: Final = 40
_MOST_SLICES: Final = 300
_STEP: Final = 1_000_000
"""ns between two commands. The duplicates window holds two minutes of them, and is full before the clock starts."""
_WARM_UP: Final = 130_000
_START: Final = 1_700_000_000_000_000_000
_NUMBER: Final = 256


class Rates(NamedTuple):
    """Commands/s; what a command caused."""

    engine: float
    scratch: float
    events: float
    trades: float


def measure(seconds: float) -> list[Figure]:
    slices = min(_MOST_SLICES, max(5, int(seconds * _SLICES_A_SECOND)))
    return [_figure(resting, slices) for resting in BOOKS]


def listed(number: int, product_id: str, time_: int) -> ListProduct:
    """A product whose tick and lot are one unit."""
    command_id = number.to_bytes(16, "big")
    return ListProduct(command_id, "bench", 0, NO_ID, "", 0, time_, 0, None, product_id, "BTC", "USD", 2, 8, 1, 1)


def _figure(resting: int, slices: int) -> Figure:
    rates = _measured(resting, slices)
    return compared(
        f"core, {resting:,} resting orders",
        rates.engine,
        rates.scratch,
        "commands/s",
        "scratch matcher, no events",
        (
            f"{rates.events:.2f} events and {rates.trades:.2f} trades a command: {rate(rates.engine * rates.events, 'events/s')}",
        ),
    )


def _measured(resting: int, slices: int) -> Rates:
    flow = Flow(_NUMBER, 1, _START, _STEP)
    engine, scratch = Engine(0), ScratchMatcher()
    engine.handle(listed(_NUMBER, "BTC-USD", _START), 0, _START)
    offset = 1
    for command in chain(flow.resting(resting), flow.steady(_WARM_UP)):
        engine.handle(command, offset, command.sent + _STEP)
        scratch.handle(command)
        offset += 1
    stream = [[encode(command) for command in flow.steady(_SLICE)] for _ in range(slices)]
    before = _Counts.of(engine.state)
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.collect()
    gc.freeze()
    took = [(_decided(engine, part, offset + at * _SLICE), _matched(scratch, part)) for at, part in enumerate(stream)]
    after = _Counts.of(engine.state)
    return Rates(
        _SLICE / statistics.median(each[0] for each in took),
        _SLICE / statistics.median(each[1] for each in took),
        (after.events - before.events) / (slices * _SLICE),
        (after.trades - before.trades) / (slices * _SLICE),
    )


class _Counts(NamedTuple):
    events: int
    trades: int

    @staticmethod
    def of(state: PartitionState) -> "_Counts":
        return _Counts(state.seq, state.products[_NUMBER].trade_id)


def _decided(engine: Engine, part: Sequence[bytes], offset: int) -> float:
    """Seconds that the engine takes for one slice."""
    commands = [decode_command(each) for each in part]
    handle = engine.handle
    began = time.thread_time()
    for at, command in enumerate(commands, offset):
        handle(command, at, command.sent + _STEP)
    return time.thread_time() - began


def _matched(scratch: ScratchMatcher, part: Sequence[bytes]) -> float:
    """Seconds that the scratch matcher takes for one slice."""
    commands = [decode_command(each) for each in part]
    handle = scratch.handle
    began = time.thread_time()
    for command in commands:
        handle(command)
    return time.thread_time() - began
