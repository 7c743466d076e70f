"""Row 1: `Engine.handle` on every scenario, beside the scratch matcher and two libraries; and what its state costs."""

import sys
from typing import Final

from tests.benchmarks import contest, footprint
from tests.benchmarks.child import ask
from tests.benchmarks.contest import LibraryRate, Rates
from tests.benchmarks.footprint import Footprint
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.table import Figure, compared, rate

_RESTING: Final = 1_000_000


async def measure(seconds: float) -> list[Figure]:
    """One scenario after the other, each in a process of its own: a book of a million orders leaves nothing behind."""
    found = [await _measured(each, seconds) for each in SCENARIOS]
    ratio = found[1].engine / found[0].engine
    return [
        *map(_figure, found),
        Figure(f"core, {found[1].scenario} : {found[0].scenario}", f"{ratio:.0%}"),
        *_state(await ask("footprint", footprint.Task(_RESTING), Footprint)),
    ]


async def _measured(scenario: Scenario, seconds: float) -> Rates:
    print(f"  {scenario.name}", file=sys.stderr, flush=True)
    return await ask("contest", contest.Task(scenario.name, seconds), Rates)


def _figure(rates: Rates) -> Figure:
    events = rate(rates.engine * rates.events, "events/s")
    notes = [
        ", ".join(_beside(library) for library in rates.libraries),
        f"{rates.events:.2f} events and {rates.trades:.2f} trades a command: {events}; {rates.resting:,} rest at the end",
    ]
    return compared(
        f"core, {rates.scenario}", rates.engine, rates.scratch, "commands/s", "scratch matcher, no events", notes
    )


def _beside(library: LibraryRate) -> str:
    if library.lacks:
        return f"{library.name}: has no {library.lacks}"
    without = f" (without {' and '.join(library.without)})" if library.without else ""
    return f"{library.name}: {rate(library.rate, 'commands/s')}{without}"


def _state(found: Footprint) -> list[Figure]:
    megabytes = found.snapshot_bytes / 1_000_000
    times = f"dumped in {found.dump_seconds:.2f} s, loaded in {found.load_seconds:.2f} s"
    return [
        _bytes("memory a resting order", found.order_bytes, f"{found.orders:,} orders; {_parts(found)}"),
        _bytes("memory a remembered command", found.window_bytes, f"{found.window:,} commands, each under a key"),
        _bytes("snapshot, a resting order", found.snapshot_bytes / found.orders, f"{megabytes:,.0f} MB, {times}"),
    ]


def _parts(found: Footprint) -> str:
    """`25 at a price: order 300, queue 20, index 100; 2.5 at a price: …`."""
    return "; ".join(
        f"{shape.at_a_price:g} at a price: order {shape.order:.0f}, queue {shape.queue:.0f}, index {shape.index:.0f}"
        for shape in found.shapes
    )


def _bytes(what: str, size: float, note: str) -> Figure:
    return Figure(f"core, {what}", f"{size:.0f} bytes", notes=[note])
