"""Ends a process whose decision never returns: the event loop cannot, for it is the one that waits.

A thread looks now and then at which command is being decided. It needs the interpreter to run; code that never gives
the interpreter back is ended by a timer of the C library, which the thread sets anew at each look. That timer also ends
a process that was frozen for so long that its partitions have other owners by now.
"""

import faulthandler
import os
import threading
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn, Protocol

from libs.service.logging import Log as Logger

EXIT_STUCK: Final = 3
_FROZEN_FACTOR: Final = 2
"""The timer is so many times later than the thread, which says more."""


_STDERR: Final = 2


class Deciding(Protocol):
    """What decides, command by command."""

    @property
    def partition(self) -> int: ...
    @property
    def next_command(self) -> int:
        """Behind the one at work."""
        ...


class AtWork(NamedTuple):
    """A command, while the batch that it is in is decided for that time."""

    partition: int
    offset: int
    turn: int


def end(_: AtWork) -> NoReturn:
    """Nothing is settled: the log knows what was done, and the next owner reads it there."""
    os._exit(EXIT_STUCK)


class Watchdog:
    """Of one process, which decides one command at a time."""

    def __init__(self, limit_s: float, look_s: float, logger: Logger, bite: Callable[[AtWork], None] = end) -> None:
        """A command that is at work at every look for `limit_s` never ends."""
        self._limit_s = limit_s
        self._look_s = look_s
        self._logger = logger
        self._bite = bite
        self._most = max(1, round(limit_s / look_s))
        self._deciding: Deciding | None = None
        self._turn = 0
        """Batches begun, so that a command decided again is not taken for one that never ended."""
        self._seen: AtWork | None = None
        self._looks = 0
        """In a row that have seen the same."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def begin(self, deciding: Deciding) -> None:
        """A batch is decided from now on."""
        self._turn += 1
        self._deciding = deciding

    def end(self) -> None:
        """The batch is decided."""
        self._deciding = None

    def start(self) -> None:
        """Watch, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def look(self) -> bool:
        """Whether what is at work never ends; then it has bitten."""
        at = self._at_work()
        self._looks = self._looks + 1 if at is not None and at == self._seen else 0
        self._seen = at
        if at is None or self._looks < self._most:
            return False
        self._logger.error("command never ends", partition=at.partition, offset=at.offset, seconds=self._limit_s)
        self._bite(at)
        return True

    def _at_work(self) -> AtWork | None:
        deciding = self._deciding
        return None if deciding is None else AtWork(deciding.partition, deciding.next_command - 1, self._turn)

    def _watch(self) -> None:
        self._set_timer()
        while not self._stopped.wait(self._look_s):
            self._set_timer()
            if self.look():
                return

    def _set_timer(self) -> None:
        faulthandler.dump_traceback_later(self._limit_s * _FROZEN_FACTOR, exit=True, file=_STDERR)
