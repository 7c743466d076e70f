"""The last trade of each product and what was traded in the last 24 hours, kept up by the tail."""

from collections import deque
from typing import Final

from libs.events.events import TradeExecuted
from libs.read_model.bootstrap import LastTrade

BUCKET_NS: Final = 60_000_000_000
DAY_NS: Final = 86_400_000_000_000


class Ticker:
    """Of one product. The volume is exact to a minute at its far end."""

    __slots__ = ("_buckets", "_volume", "last")

    def __init__(self, last: LastTrade) -> None:
        self.last = last
        self._buckets: deque[list[int]] = deque()
        self._volume = 0

    def add(self, bucket: int, size: int) -> None:
        """Count a size traded in a minute; minutes come in order, but for a few that come late."""
        if self._buckets and self._buckets[-1][0] >= bucket:
            self._buckets[-1][1] += size
        else:
            self._buckets.append([bucket, size])
        self._volume += size

    def traded(self, event: TradeExecuted) -> None:
        self.last = LastTrade(event.price, event.size, event.time)
        self.add(event.time // BUCKET_NS, event.size)

    def volume(self, now: int) -> int:
        oldest = (now - DAY_NS) // BUCKET_NS
        while self._buckets and self._buckets[0][0] < oldest:
            self._volume -= self._buckets.popleft()[1]
        return self._volume
