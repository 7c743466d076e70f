"""Row 1: `Engine.handle` beside the scratch matcher, on the same commands, turn by turn in one process.

Both get slices of the stream alternately, so that what else the machine does falls on both; the figure is the median
slice. Time is processor time of this thread: others on the same cores do not count.
"""

import gc
import statistics
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from libs.book.partition import PartitionState
from libs.events.commands import AnyCommand, ListProduct
from libs.events.values import NO_ID
from libs.matching import Engine
from libs.service.process import _GC_THRESHOLDS
from tests.benchmarks.flow import Flow
from tests.benchmarks.scratch import ScratchMatcher
from tests.benchmarks.table import Figure, compared, rate

BOOKS: Final = (1_000, 100_000)
_SLICE: Final = 10_000
_SLICES_A_SECOND: Final = 10
_MOST_SLICES: Final = 60
_STEP: Final = 1_000_000
"""ns between two commands. The duplicates window holds two minutes of them, and is full before the clock starts."""
_WARM_UP: Final = 130_000
_START: Final = 1_700_000_000_000_000_000
_NUMBER: Final = 256

_Timed = tuple[AnyCommand, int, int]
"""A command, its offset, and its append time."""


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
    warm = [*flow.resting(resting), *flow.steady(_WARM_UP)]
    timed = list(flow.steady(slices * _SLICE))
    engine, scratch = Engine(0), ScratchMatcher()
    engine.handle(listed(_NUMBER, "BTC-USD", _START), 0, _START)
    for command, offset, append_time in _appended(warm, 1):
        engine.handle(command, offset, append_time)
        scratch.handle(command)
    stream = _appended(timed, 1 + len(warm))
    before = _Counts.of(engine.state)
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.collect()
    gc.freeze()
    took = [_turn(engine, scratch, stream[at : at + _SLICE]) for at in range(0, len(stream), _SLICE)]
    after = _Counts.of(engine.state)
    return Rates(
        _SLICE / statistics.median(each[0] for each in took),
        _SLICE / statistics.median(each[1] for each in took),
        (after.events - before.events) / len(stream),
        (after.trades - before.trades) / len(stream),
    )


class _Counts(NamedTuple):
    events: int
    trades: int

    @staticmethod
    def of(state: PartitionState) -> "_Counts":
        return _Counts(state.seq, state.products[_NUMBER].trade_id)


def _appended(commands: Sequence[AnyCommand], first: int) -> list[_Timed]:
    return [(command, first + index, command.sent + _STEP) for index, command in enumerate(commands)]


def _turn(engine: Engine, scratch: ScratchMatcher, stream: Sequence[_Timed]) -> tuple[float, float]:
    """Seconds that engine and scratch matcher took for one slice."""
    handle, compare = engine.handle, scratch.handle
    began = time.thread_time()
    for command, offset, append_time in stream:
        handle(command, offset, append_time)
    between = time.thread_time()
    for command, _, _ in stream:
        compare(command)
    return between - began, time.thread_time() - between
