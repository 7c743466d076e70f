"""`python -m tests.benchmarks`: measures the rows asked for and prints them as one table."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tests.benchmarks import (
    core,
    cpu,
    feed,
    handover,
    http_batch,
    http_reads,
    http_signed,
    http_single,
    latency,
    sockets,
    takeover,
    worker,
)
from tests.benchmarks.exchange import Exchange, exchange
from tests.benchmarks.table import Figure, render

_OF_ANOTHER_RUN: Final = ("OUTCRY_KAFKA", "OUTCRY_POSTGRES", "OUTCRY_REDIS", "OUTCRY_DATA_DIR", "OUTCRY_PORT")
"""What this one starts itself. Every other setting reaches the services, so that its effect can be measured."""


class Options(NamedTuple):
    seconds: float
    """For each load."""
    recording: bool


async def _core(options: Options) -> list[Figure]:
    return await core.measure(options.seconds)


async def _worker(options: Options) -> list[Figure]:
    return await worker.measure(options.seconds)


async def _handover(options: Options) -> list[Figure]:
    return await handover.measure(options.seconds)


async def _takeover(options: Options) -> list[Figure]:
    return await takeover.measure(options.seconds)


async def _feed(options: Options) -> list[Figure]:
    return await feed.measure(options.seconds)


async def _single(running: Exchange, options: Options) -> list[Figure]:
    return await http_single.measure(running, options.seconds)


async def _signed(running: Exchange, options: Options) -> list[Figure]:
    return await http_signed.measure(running, options.seconds)


async def _reads(running: Exchange, options: Options) -> list[Figure]:
    return await http_reads.measure(running, options.seconds)


async def _sockets(running: Exchange, options: Options) -> list[Figure]:
    return await sockets.measure(running, options.seconds)


async def _batch(running: Exchange, options: Options) -> list[Figure]:
    return await http_batch.acknowledged(running, options.seconds)


async def _queryable(running: Exchange, options: Options) -> list[Figure]:
    return await http_batch.queryable(running, options.seconds, recording=options.recording)


async def _latency(running: Exchange, options: Options) -> list[Figure]:
    return await latency.measure(running, options.seconds)


PARTS: Final[dict[str, Callable[[Options], Awaitable[list[Figure]]]]] = {
    "core": _core,
    "worker": _worker,
    "handover": _handover,
    "takeover": _takeover,
    "feed": _feed,
}
WHOLE: Final[dict[str, Callable[[Exchange, Options], Awaitable[list[Figure]]]]] = {
    "single": _single,
    "signed": _signed,
    "reads": _reads,
    "sockets": _sockets,
    "batch": _batch,
    "queryable": _queryable,
    "latency": _latency,
}
"""Rows that need the whole exchange; they share one."""
ROWS: Final = (*PARTS, *WHOLE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(ROWS), help=f"rows to measure, of {','.join(ROWS)}")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--recording", action="store_true", help="drive `queryable` with the recorded market")
    found = parser.parse_args()
    unknown = set(found.only.split(",")).difference(ROWS)
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return found


async def _measured(names: list[str], options: Options) -> list[Figure]:
    figures: list[Figure] = []
    for name in (name for name in PARTS if name in names):
        _say(name)
        figures += await PARTS[name](options)
    whole = [name for name in WHOLE if name in names]
    if whole:
        async with exchange() as running:
            _say("nothing yet: the servers warm up")
            await http_batch.warm_up(running)
            for name in whole:
                _say(name)
                figures += await WHOLE[name](running, options)
    return figures


def _say(name: str) -> None:
    print(f"measuring {name}", file=sys.stderr, flush=True)


async def _until_signal(names: list[str], options: Options) -> list[Figure]:
    """Ctrl-C and SIGTERM cancel the measurement, which stops all that it has started."""
    task = asyncio.ensure_future(_measured(names, options))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def main() -> int:
    given = _arguments()
    for name in _OF_ANOTHER_RUN:
        os.environ.pop(name, None)
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
