"""The store of repeats in memory: what tests use, and what the adapter is compared with."""

from collections.abc import Sequence

from libs.service.clock import Clock
from libs.service.failures import Away
from services.order_api.idempotency import record
from services.order_api.idempotency.ports import (
    FOREIGN,
    FRESH,
    Claim,
    Outcome,
    Settlement,
    State,
    Verdict,
)


class MemoryIdempotency:
    """Keeps everything. `away` makes it fail as a store that is down does."""

    def __init__(self, clock: Clock, pending_ms: int) -> None:
        self.away = False
        self.records: dict[bytes, bytes] = {}
        self.owners: dict[bytes, str] = {}
        self._clock = clock
        self._pending_ms = pending_ms

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        await self.ping()
        return [self._claim(claim) for claim in claims]

    def settle(self, settlements: Sequence[Settlement]) -> None:
        if not self.away:
            for settlement in settlements:
                self._settle(settlement)

    async def ping(self) -> None:
        if self.away:
            raise Away("the store is away")

    async def close(self) -> None:
        return

    def _claim(self, claim: Claim) -> Verdict:
        owner = self.owners.get(claim.owner_key, claim.account) if claim.owner_key else claim.account
        if not claim.places and owner != claim.account:
            return FOREIGN
        if claim.key:
            found = self.records.get(claim.key)
            if found is not None:
                return self._found(claim.key, found)
            self.records[claim.key] = record.pending(self._now()) + claim.command
        if claim.places and claim.owner_key:
            self.owners[claim.owner_key] = claim.account
        return FRESH

    def _found(self, key: bytes, found: bytes) -> Verdict:
        if found.startswith(b"D"):
            return record.verdict(State.PUBLISHED, found)
        if self._now() - record.claimed_at(found) <= self._pending_ms:
            return record.verdict(State.IN_FLIGHT, found)
        self.records[key] = record.pending(self._now()) + found[record.HEADER :]
        return record.verdict(State.ABANDONED, found)

    def _settle(self, settlement: Settlement) -> None:
        key, command = settlement.key, settlement.command
        if settlement.outcome is Outcome.RELEASED:
            if self.records.get(key, b"")[record.HEADER :] == command:
                self.records.pop(key, None)
            self.owners.pop(settlement.owner_key, None)
        elif settlement.outcome is Outcome.UNKNOWN:
            self.records[key] = record.pending(0) + command
        else:
            head = record.published(self._now(), settlement.partition, settlement.offset)
            self.records[key] = head + command

    def _now(self) -> int:
        return self._clock.now() // 1_000_000
