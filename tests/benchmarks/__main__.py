"""`python -m tests.benchmarks`: measures the rows asked for and prints them as one table."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tests.benchmarks import core, cpu, worker
from tests.benchmarks.table import Figure, render


class Options(NamedTuple):
    seconds: float
    """For each load."""
    recording: bool


async def _core(options: Options) -> list[Figure]:
    return core.measure(options.seconds)


async def _worker(options: Options) -> list[Figure]:
    return await worker.measure(options.seconds)


ROWS: Final[dict[str, Callable[[Options], Awaitable[list[Figure]]]]] = {"core": _core, "worker": _worker}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(ROWS), help=f"rows to measure, of {','.join(ROWS)}")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--recording", action="store_true", help="drive `queryable` with the recorded market")
    found = parser.parse_args()
    unknown = set(found.only.split(",")) - ROWS.keys()
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return found


async def _measured(names: list[str], options: Options) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        figures += await ROWS[name](options)
    return figures


async def _until_signal(names: list[str], options: Options) -> list[Figure]:
    """Ctrl-C and SIGTERM cancel the measurement, which stops all that it has started."""
    task = asyncio.ensure_future(_measured(names, options))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def main() -> int:
    given = _arguments()
    busy = os.getloadavg()[0]
    try:
        figures = asyncio.run(_until_signal(given.only.split(","), Options(given.seconds, given.recording)))
    except asyncio.CancelledError:
        return 130
    print(
        f"{cpu.cores()} cores, shared by all that ran: servers, services and load (load average at the start {busy:.1f})"
    )
    print(render(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
