"""The processes of a run, as its runner calls the roll, and the signals that reach them whole.

A server's own children may lead process groups of their own, so a signal goes to every descendant by id.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from sim.chaos.trouble import NotRecovered

ROLL_FILE: Final = "processes.json"
BORN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.05
ORDERLY: Final = {"PostgreSQL": signal.SIGINT}
"""What asks for an orderly end, where SIGTERM would wait until all clients have gone."""


class Processes:
    """Of the run whose state is in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._roll = directory / ROLL_FILE

    def pids(self) -> dict[str, int]:
        """By name. Raises OSError where nothing runs."""
        return msgspec.json.decode(self._roll.read_bytes(), type=dict[str, int])

    async def kill(self, name: str) -> None:
        """SIGKILL to it and all it started; returns when it runs anew."""
        pid = self.pids()[name]
        _signal(pid, signal.SIGKILL)
        await self._reborn(name, pid)

    async def restart(self, name: str) -> None:
        """Ask for an orderly end; returns when it runs anew."""
        pid = self.pids()[name]
        _send(pid, ORDERLY.get(name, signal.SIGTERM))
        await self._reborn(name, pid)

    async def freeze(self, name: str, seconds: float) -> None:
        async with self.frozen(name):
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncIterator[None]:
        """It stands still for so long, and then goes on as if nothing had been."""
        family = _family(self.pids()[name])
        try:
            for pid in family:
                _send(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in family:
                _send(pid, signal.SIGCONT)

    async def _reborn(self, name: str, dead: int) -> None:
        deadline = time.monotonic() + BORN_S
        while self.pids()[name] == dead:
            if time.monotonic() > deadline:
                raise NotRecovered(f"{name} (process {dead}) was not started again within {BORN_S:.0f} s")
            await asyncio.sleep(LOOK_EVERY_S)


def _signal(pid: int, number: signal.Signals) -> None:
    for each in _family(pid):
        _send(each, number)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _family(pid: int) -> list[int]:
    """A process and all its descendants, the process first."""
    return [pid, *(each for child in _children(pid) for each in _family(child))]


def _children(pid: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, tasks.read_text().split())
        except OSError:  # it has ended
            continue
