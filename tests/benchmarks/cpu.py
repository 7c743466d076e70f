"""Processor time of processes, from /proc: who used the cores while something was measured."""

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
_NOT_WORTH_A_WORD: Final = 0.01
"""Of one core."""


def cores() -> int:
    """Those that this process, and so everything it starts, may run on."""
    return len(os.sched_getaffinity(0))


class _Process(NamedTuple):
    parent: int
    seconds: float
    """Its own, and that of its children that have ended."""


class Meter:
    """Counts from its making on, for this process and all that it has started."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = seconds_by_name(os.getpid())
        self._machine_before = _machine_seconds()

    def used(self, commands: int) -> str:
        """`kafka 61% (24 µs a command), …`: of one core, the busiest first, and what somebody else used meanwhile."""
        elapsed = time.monotonic() - self._began
        used = {name: now - self._before.get(name, 0) for name, now in seconds_by_name(os.getpid()).items()}
        busy = sorted(
            (item for item in used.items() if item[1] > elapsed * _NOT_WORTH_A_WORD), key=lambda item: -item[1]
        )
        words = [f"{name} {seconds / elapsed:.0%} {_each(seconds, commands)}" for name, seconds in busy]
        total = sum(used.values())
        others = max(0.0, _machine_seconds() - self._machine_before - total)
        return (
            f"cpu of {cores()} cores: {', '.join(words)}; all {total / elapsed:.0%} {_each(total, commands)}, "
            f"others on the machine {others / elapsed:.0%}"
        )


def seconds_by_name(root: int) -> dict[str, float]:
    """Seconds of `root` and all its descendants so far, by what they are."""
    found = {pid: process for pid in _pids() if (process := _read(pid)) is not None}
    used: defaultdict[str, float] = defaultdict(float)
    for pid, process in found.items():
        if _descends(pid, root, found):
            used[_name(pid)] += process.seconds
    return used


def _machine_seconds() -> float:
    """All processor time anybody used, in user and kernel mode."""
    user, nice, system = map(int, (_PROC / "stat").read_text().split(None, 5)[1:4])
    return (user + nice + system) / _TICKS_A_SECOND


def _each(seconds: float, commands: int) -> str:
    return f"({seconds / commands * 1_000_000:.0f} µs a command)" if commands else ""


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _read(pid: int) -> _Process | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:  # it has ended
        return None
    fields = text.rpartition(")")[2].split()  # proc(5): state is field 3, ppid 4, utime to cstime 14 to 17
    return _Process(int(fields[1]), sum(map(int, fields[11:15])) / _TICKS_A_SECOND)


def _descends(pid: int, root: int, found: Mapping[int, _Process]) -> bool:
    while pid != root:
        process = found.get(pid)
        if process is None:
            return False
        pid = process.parent
    return True


def _name(pid: int) -> str:
    """`orderbook_worker` of `python -m services.orderbook_worker`; the program's own name elsewhere."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    module = words[words.index("-m") + 1] if "-m" in words else ""
    if module.startswith("tests.benchmarks"):
        return "load"
    if module:
        return module.rpartition(".")[2]
    program = Path(words[0].partition(":")[0].partition(" ")[0]).name  # some write their address or state there
    return {"java": "kafka", "valkey-server": "valkey"}.get(program, program or "ended")
