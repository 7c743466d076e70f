"""Keeps one process alive: when it dies it is started again, later each time it dies young."""

import asyncio
import math
import time
from collections.abc import Callable

from deploy.local.child import Child, Program
from deploy.local.terminal import say

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
OLD_ENOUGH_SECONDS = 30.0


class Supervised:
    """A program and the process that runs it now."""

    def __init__(self, program: Program, child: Child | None = None) -> None:
        self.program = program
        self.child = child or Child(program)
        self.deaths = 0
        self.last_words = ""
        self.born: Callable[[str, int], None] = lambda _name, _pid: None
        """Told of each process that takes the place of a dead one."""
        self._pause = FIRST_PAUSE_SECONDS

    async def watch(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        while True:
            await self.child.ended(math.inf)
            self.deaths += 1
            self.last_words = self.child.last_line()
            if time.monotonic() - self.child.started > OLD_ENOUGH_SECONDS:
                self._pause = FIRST_PAUSE_SECONDS
            say(
                f"{self.program.name} ended ({self.child.how_it_ended}), starting it again in {self._pause:.1f} s"
                + (f"; its last words: {self.last_words}" if self.last_words else "")
            )
            self.child.kill()  # what it may have started
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self.child = Child(self.program)
            self.born(self.program.name, self.child.pid)
