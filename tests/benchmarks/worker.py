"""Row 2: a real worker process works off a topic of commands, beside a bare copy of that topic.

What counts is from the first to the last commit, as the worker's own metrics tell it; its start and the taking over
of the partitions come before.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from deploy.endpoint import local
from deploy.local.child import Child, Program
from deploy.local.logs import log_file
from deploy.local.ports import free_block
from deploy.local.servers import Addresses
from deploy.probe import ask as probe
from sim.products import EIGHT
from tests.benchmarks import copying, prefill, servers
from tests.benchmarks.child import ask
from tests.benchmarks.cpu import Meter
from tests.benchmarks.table import Figure, compared

_COMMANDS_A_SECOND: Final = 5_000
"""Of a product. It is how `--seconds` becomes a number of commands: they are there before the worker is."""
_MOST: Final = 150_000
_LOOK_EVERY_S: Final = 0.05
_LIMIT_S: Final = 300.0
_DECIDED: Final = b"orders_matched_total "


class _Look(NamedTuple):
    commands: int
    at: float


async def measure(seconds: float) -> list[Figure]:
    async with servers.directory() as where, servers.servers(where) as addresses:
        each = min(_MOST, int(seconds * _COMMANDS_A_SECOND))
        filled = await ask("prefill", prefill.Task(addresses.kafka, list(EIGHT), each), prefill.Filled)
        copied = await ask("copying", copying.Task(addresses.kafka, servers.PARTITIONS), copying.Copied)
        worked = await _worked_off(where, addresses, filled.commands)
    return [
        compared(
            "worker, decode to commit",
            worked.rate,
            copied.records / copied.seconds,
            "commands/s",
            "bare copy, topic to topic",
            (f"{filled.commands:,} commands; start and take-over included, {worked.used}",),
        )
    ]


class _Worked(NamedTuple):
    rate: float
    used: str


async def _worked_off(where: Path, addresses: Addresses, commands: int) -> _Worked:
    (port,) = free_block(where / "worker", 1)
    meter = Meter()
    async with servers.running(_program(where, addresses, port)) as child:
        first = await _look_until(child, port, 1)
        last = await _look_until(child, port, commands)
        used = meter.used(commands)
    return _Worked((last.commands - first.commands) / (last.at - first.at), used)


def _program(where: Path, addresses: Addresses, port: int) -> Program:
    own = addresses.as_environment() | {
        "OUTCRY_INSTANCE": "bench-worker",
        "OUTCRY_ADMIN_PORT": str(port),
        "OUTCRY_DATA_DIR": str(where),
    }
    argv = (sys.executable, "-u", "-m", "services.orderbook_worker")
    return Program("worker", argv, os.environ | own, log_file(where / "logs", "worker"))


async def _look_until(child: Child, port: int, commands: int) -> _Look:
    """The first look at the metrics that finds so many commands committed."""
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        if child.exit_code is not None:
            raise RuntimeError(f"the worker ended ({child.how_it_ended}): {child.last_line()}")
        found = _decided((await probe(local(port), "/metrics", 1.0)).body)
        if found >= commands:
            return _Look(found, time.monotonic())
        await asyncio.sleep(_LOOK_EVERY_S)
    raise TimeoutError(f"the worker did not commit {commands} commands within {_LIMIT_S:.0f} s")


def _decided(metrics: bytes) -> int:
    for line in metrics.splitlines():
        if line.startswith(_DECIDED):
            return int(float(line[len(_DECIDED) :]))
    return 0
