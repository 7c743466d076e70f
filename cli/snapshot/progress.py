"""A bar on standard error while something takes long."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sim.live import Live, bar


@contextmanager
def progress(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Gives what is to be called with how many are done by now."""
    live = Live(sys.stderr)
    try:
        yield lambda done: live.show(f"{what} {bar(done, total)} | {done:,} of {total:,} {unit}")
    finally:
        live.close()
