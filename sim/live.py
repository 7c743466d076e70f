"""The line that moves while something is going on; where nobody watches, a plain line now and then."""

import sys
import time
from typing import Final, TextIO

PLAIN_EVERY_S: Final = 10.0
BAR_CELLS: Final = 24


class Live:
    """Owns the last line of the terminal until `close`."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._moves = out.isatty()
        self._shown = False
        self._last = time.monotonic()

    def show(self, line: str) -> None:
        """Replace the line; elsewhere than on a terminal, one every `PLAIN_EVERY_S`."""
        if self._moves:
            self._out.write(f"\r\x1b[2K{line}")
            self._shown = True
        elif time.monotonic() - self._last >= PLAIN_EVERY_S:
            self._last = time.monotonic()
            self._out.write(f"{line}\n")
        self._out.flush()

    def say(self, line: str) -> None:
        """A line that stays."""
        self.close()
        self._out.write(f"{line}\n")
        self._out.flush()

    def close(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[2K")
            self._out.flush()
            self._shown = False


def bar(done: int, total: int) -> str:
    """`[######------]  50%`, of `BAR_CELLS` cells."""
    share = done / total if total else 1.0
    full = int(share * BAR_CELLS)
    return f"[{'#' * full}{'-' * (BAR_CELLS - full)}] {share:4.0%}"
