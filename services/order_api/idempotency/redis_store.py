"""The store of repeats on Redis: claims and settlements share calls, in the order in which they came.

So a repeat that follows its answer finds it written down. While Redis is left alone after a failure, orders go on
without the store.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from libs.service.clock import Clock
from libs.service.logging import Log as Logger
from libs.service.shared_script import Arguments, CallLimits, SharedScript
from services.order_api.idempotency import record
from services.order_api.idempotency.ports import FOREIGN, FRESH, Claim, Outcome, Settlement, State, Verdict
from services.order_api.idempotency.script import CHECK, PLACE, RELEASE, SCRIPT, WRITE, Operation, packed

_N, _F = ord("n"), ord("f")
_STATES: Final = {ord(state.value): state for state in State}


class Limits(NamedTuple):
    """Named in the settings."""

    call: CallLimits
    queue: int
    ttl_s: int
    pending_ms: int


class RedisIdempotency:
    """Connects at the first use, and again after every failure."""

    def __init__(self, address: str, clock: Clock, logger: Logger, limits: Limits) -> None:
        self._script: SharedScript[Operation, list[bytes], Sequence[Verdict]] = SharedScript(
            address, SCRIPT, self._arguments, _verdicts, limits.call, logger, "idempotency"
        )
        self._clock = clock
        self._limits = limits
        self._refused = 0

    @property
    def unwritten(self) -> int:
        """Outcomes that were not written down."""
        return self._refused + self._script.untold

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """Raises Away."""
        head = record.pending(self._clock.now() // 1_000_000)
        return await self._script.ask(
            [
                (
                    PLACE if claim.places else CHECK,
                    claim.key,
                    head + claim.command,
                    claim.owner_key,
                    claim.account.encode(),
                )
                for claim in claims
            ]
        )

    def settle(self, settlements: Sequence[Settlement]) -> None:
        if self._script.is_open or self._script.queued + len(settlements) > self._limits.queue:
            self._refused += len(settlements)
            return
        now = self._clock.now() // 1_000_000
        self._script.tell([_operation(settlement, now) for settlement in settlements])

    async def ping(self) -> None:
        await self._script.ping()

    async def close(self) -> None:
        await self._script.close()

    def _arguments(self, operations: Sequence[Operation]) -> Arguments:
        now = self._clock.now() // 1_000_000
        return Arguments((), (*packed(operations), now, self._limits.pending_ms, self._limits.ttl_s))


def _operation(settlement: Settlement, now: int) -> Operation:
    if settlement.outcome is Outcome.RELEASED:
        return RELEASE, settlement.key, settlement.command, settlement.owner_key, b""
    if settlement.outcome is Outcome.UNKNOWN:
        head = record.pending(0)
    else:
        head = record.published(now, settlement.partition, settlement.offset)
    return WRITE, settlement.key, head + settlement.command, b"", b""


def _verdicts(reply: list[bytes], counts: Sequence[int]) -> list[list[Verdict]]:
    letters, records, start = reply[0], iter(reply[1:]), 0
    verdicts = []
    for count in counts:
        verdicts.append(
            [
                FRESH if letter == _N else FOREIGN if letter == _F else record.verdict(_STATES[letter], next(records))
                for letter in letters[start : start + count]
            ]
        )
        start += count
    return verdicts
