"""How often one name may ask. A process takes tokens from the shared bucket a few at a time and spends them by itself.

So whoever asks often costs an addition a request and a call to the store now and then, while all processes together never
give more than the bucket has. How many tokens are taken at once follows the demand: what was used in two leases' time, at
most twice as many as the last time, and at most what the rate gives in one lease's time.
"""

import asyncio
from typing import Final, NamedTuple

from libs.access.buckets import MICRO, Buckets, Grant, MemoryBuckets, Rate, Wish
from libs.service.clock import NANOSECONDS, Clock
from libs.service.failures import Away


class Standing(NamedTuple):
    """What became of a request, in whole tokens and seconds."""

    allowed: bool
    remaining: int
    reset_s: int
    """Until the bucket is full; where the request is refused, until it may come again."""


class _Lease:
    __slots__ = ("asked_at", "asking", "empty_until", "left", "tokens", "waiting", "want")

    def __init__(self) -> None:
        self.tokens = 0
        """Taken from the bucket and not spent."""
        self.left = 0
        """What the bucket had left, when it was asked last, in whole tokens."""
        self.want = 0
        self.asked_at = 0
        self.empty_until = 0
        self.waiting = 0
        self.asking: asyncio.Task[None] | None = None


class Limiter:
    """One policy, such as so many requests a second for a key; `kind` names it to clients."""

    def __init__(
        self, kind: str, rate: Rate, store: Buckets, clock: Clock, *, prefix: str, lease_ns: int, most: int
    ) -> None:
        self.kind: Final = kind
        self.rate: Final = rate
        self._store = store
        self._spare = MemoryBuckets(clock, most)
        self._clock = clock
        self._prefix = f"{prefix}:limit:{kind}:".encode()
        self._lease_ns = lease_ns
        self._most_at_once = max(1, rate.per_s * lease_ns // NANOSECONDS)
        self._most = most
        self._leases: dict[str, _Lease] = {}

    def __len__(self) -> int:
        """Names that are counted here."""
        return len(self._leases)

    def at_once(self, name: str) -> Standing | None:
        """One request of that name; None when the bucket must be asked, and nothing was taken."""
        lease = self._leases.get(name)
        return None if lease is None else self._spend(lease)

    async def take(self, name: str) -> Standing:
        """One request of that name, waiting for the bucket where it must."""
        lease = self._leases.get(name)
        if lease is None:
            lease = self._new(name)
        while (found := self._spend(lease)) is None:
            lease.waiting += 1
            try:
                await self._filled(lease, name)
            finally:
                lease.waiting -= 1
        return found

    def _spend(self, lease: _Lease) -> Standing | None:
        """None when the bucket must be asked."""
        if lease.tokens:
            lease.tokens -= 1
            remaining = min(self.rate.burst, lease.tokens + lease.left)
            return Standing(True, remaining, -(-(self.rate.burst - remaining) // self.rate.per_s))
        wait = lease.empty_until - self._clock.now()
        return Standing(False, 0, -(-wait // NANOSECONDS)) if wait > 0 else None

    async def _filled(self, lease: _Lease, name: str) -> None:
        """Whoever comes while the bucket is asked waits for the same answer."""
        if lease.asking is None:
            lease.asking = asyncio.get_running_loop().create_task(self._ask(lease, name))
        await asyncio.shield(lease.asking)

    async def _ask(self, lease: _Lease, name: str) -> None:
        now = self._clock.now()
        elapsed = max(1, now - lease.asked_at)
        demand = 2 * lease.want * self._lease_ns // elapsed
        lease.want = max(1, min(self._most_at_once, 2 * lease.want, demand))
        lease.asked_at = now
        wish = Wish(self._prefix + name.encode(), self.rate, max(lease.want, lease.waiting))
        try:
            self._put(lease, await self._granted(wish))
        finally:
            lease.asking = None

    async def _granted(self, wish: Wish) -> Grant:
        try:
            (grant,) = await self._store.take((wish,))
        except Away:
            return self._spare.take_one(wish)
        return grant

    def _put(self, lease: _Lease, grant: Grant) -> None:
        lease.tokens += grant.tokens
        lease.left = grant.left // MICRO
        if not lease.tokens:
            missing = MICRO - grant.left
            lease.empty_until = self._clock.now() + -(-missing * NANOSECONDS // (self.rate.per_s * MICRO))

    def _new(self, name: str) -> _Lease:
        """The oldest makes room: it only has to ask the bucket again."""
        while len(self._leases) >= self._most:
            del self._leases[next(iter(self._leases))]
        lease = self._leases[name] = _Lease()
        return lease
