"""Worker processes of a row, each as on a machine of its own, and what their logs say they did."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from deploy.local.child import Child, Program
from deploy.local.logs import log_file
from deploy.local.servers import Addresses
from tests.benchmarks import servers

_START_S: Final = 60.0


def program(where: Path, addresses: Addresses, instance: str, **told: str) -> Program:
    """`told` are more variables of its environment."""
    own = (
        addresses.as_environment()
        | told
        | {
            "OUTCRY_INSTANCE": instance,
            "OUTCRY_DATA_DIR": str(where / instance),  # as two machines: no shared copy of a snapshot
        }
    )
    argv = (sys.executable, "-u", "-m", "services.orderbook_worker")
    return Program(instance, argv, os.environ | own, log_file(where / "logs", instance))


async def settled(where: Path, instance: str, child: Child) -> set[int]:
    """The partitions of a worker, once it has taken over all that it was assigned in the last rebalance."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if child.exit_code is not None:
            raise RuntimeError(f"the worker ended ({child.how_it_ended}): {child.last_line()}")
        assigned, taken = _owned(where, instance)
        if assigned and assigned == taken and len(assigned) < servers.PARTITIONS:
            return assigned
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{instance} did not own its share of the partitions within {_START_S:.0f} s")


def _lines(where: Path, instance: str) -> list[dict[str, object]]:
    path = where / "logs" / f"{instance}.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def _owned(where: Path, instance: str) -> tuple[set[int], set[int]]:
    assigned: set[int] = set()
    taken: set[int] = set()
    for line in _lines(where, instance):
        if line["event"] == "assigned":
            assigned, taken = {*_numbers(line["partitions"])}, set()
        elif line["event"] == "partition taken over":
            taken |= {*_numbers([line["partition"]])}
    return assigned, taken


def _numbers(found: object) -> list[int]:
    assert isinstance(found, list)
    return [int(each) for each in found]


def steps(where: Path, instance: str, partition: int) -> dict[str, object]:
    """How long each step of its last take-over of the partition took, in ms."""
    said = [line for line in _lines(where, instance) if line["event"] == "partition taken over"]
    found = [line["milliseconds"] for line in said if line["partition"] == partition][-1]
    assert isinstance(found, dict)
    return found


def timeline(where: Path, names: Sequence[str], since: float) -> list[str]:
    """What these said from a moment on, ms after it (`since`: seconds since the epoch)."""
    said = [(line, name) for name in names for line in _lines(where, name)]
    moments = [(_seconds(line) - since, name, line) for line, name in said if _seconds(line) >= since]
    return [f"{after * 1000:5.0f} ms  {name}: {_words(line)}" for after, name, line in sorted(moments, key=_first)]


def _first(moment: tuple[float, str, dict[str, object]]) -> float:
    return moment[0]


def _seconds(line: dict[str, object]) -> float:
    return datetime.fromisoformat(str(line["timestamp"])).timestamp()


def _words(line: dict[str, object]) -> str:
    details = (f"{name} {line[name]}" for name in ("partition", "partitions", "milliseconds", "detail") if name in line)
    return ", ".join((str(line["event"]), *details))
