"""Token buckets: a rate, a burst, and whoever keeps count. In memory here; in Redis, for all processes, beside.

A bucket holds at most `burst` tokens and gains `per_s` a second; it begins full. Tokens are taken, never returned.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from libs.service.clock import NANOSECONDS, Clock

MICRO: Final = 1_000_000
"""Stores count in millionths of a token, so that no fraction is lost and no float is needed."""


class Rate(NamedTuple):
    per_s: int
    burst: int


class Wish(NamedTuple):
    """As many of `tokens` as there are, from the bucket of that name."""

    name: bytes
    rate: Rate
    tokens: int


class Grant(NamedTuple):
    tokens: int
    left: int
    """Millionths of a token, after this grant."""


class Buckets(Protocol):
    """Grants take effect one after the other, in order, each seeing the ones before it."""

    async def take(self, wishes: Sequence[Wish]) -> Sequence[Grant]:
        """One grant a wish. Raises Away; then nothing is known."""
        ...


class MemoryBuckets:
    """Of one process: the twin of the store in Redis, and what stands in for it while it is away."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._found: dict[bytes, tuple[int, int]] = {}

    async def take(self, wishes: Sequence[Wish]) -> Sequence[Grant]:
        return [self.take_one(wish) for wish in wishes]

    def take_one(self, wish: Wish) -> Grant:
        now = self._clock.now() * MICRO // NANOSECONDS
        full = wish.rate.burst * MICRO
        tokens, at = self._found.pop(wish.name, (full, now))
        tokens = min(full, tokens + max(0, now - at) * wish.rate.per_s)
        granted = min(wish.tokens, tokens // MICRO)
        left = tokens - granted * MICRO
        while len(self._found) >= self._most:
            del self._found[next(iter(self._found))]
        self._found[wish.name] = (left, now)
        return Grant(granted, left)
