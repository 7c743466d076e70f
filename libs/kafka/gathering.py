"""When a reader asks for everything at once, and when for the first record that comes.

A lone record is worth an answer of its own. Under load an answer for each small append costs the broker and the reader
more than what is in it, so the broker is told to wait until there is much, or some time has passed.
"""

from collections.abc import Collection, Iterable

from libs.kafka.limits import Limits
from libs.kafka.untyped import Consumer, ask_for


class Gathering:
    """Decides after each poll how the next fetch is asked for. The fetch is made after the poll has returned."""

    def __init__(self, consumer: Consumer, limits: Limits, wait_s: float) -> None:
        self._consumer = consumer
        self._limits = limits
        self._wait_s = wait_s
        self._busy = False

    def polled(self, found: Iterable[Collection[object]]) -> None:
        """Told what a poll brought, a collection a partition."""
        busy = sum(map(len, found)) >= self._limits.busy_records
        if busy is self._busy:
            return
        self._busy = busy
        if busy:
            ask_for(self._consumer, self._limits.gather_bytes, self._wait_s)
        else:
            ask_for(self._consumer, 1, self._limits.fetch_wait_s)
