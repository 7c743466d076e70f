"""From valid commands to acknowledged ones: claim, publish, settle. Every command gets an answer that is true.

What is always so: nothing is published that was not claimed while the store answers; a command that was certainly not
published gives its claim back; one that may have been keeps it, so that a repeat publishes the same command.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from libs.events.codec import decode_command
from libs.events.values import NO_ID
from libs.kafka.failures import NotPublished
from libs.kafka.ports import Entry
from libs.service import problems
from libs.service.failures import Away
from libs.service.problems import Problem
from services.order_api.idempotency.ports import (
    FRESH,
    Claim,
    Idempotency,
    Outcome,
    Settlement,
    State,
    Verdict,
)
from services.order_api.intents import Intent, Taken
from services.order_api.lanes import Delivery, Lane
from services.order_api.likeness import difference
from services.order_api.tally import Tally

Result: TypeAlias = Taken | Problem
_STORED: Final = frozenset((State.FRESH, State.ABANDONED))


class Intake:
    """Takes commands, however many at once. Bounded: beyond the limit they are refused before anything is done."""

    def __init__(
        self, idempotency: Idempotency, lane: Callable[[int], Lane], cluster: str, limit: int, tally: Tally
    ) -> None:
        self._idempotency = idempotency
        self._lane = lane
        self._owner_prefix = f"{cluster}:o:".encode()
        self._limit = limit
        self._tally = tally
        self.in_hand = 0
        self.closed = False

    async def take(self, intents: Sequence[Intent]) -> list[Result]:
        """One result an intent, in order. Raises Problem only when nothing at all was done."""
        if self.closed:
            raise Problem(problems.STOPPING)
        if self.in_hand + len(intents) > self._limit:
            raise Problem(problems.OVERLOADED, f"{self.in_hand} commands are in hand, {self._limit} is the limit")
        self.in_hand += len(intents)
        try:
            verdicts = await self._claim(intents)
            return await self._publish(intents, verdicts)
        finally:
            self.in_hand -= len(intents)

    async def _claim(self, intents: Sequence[Intent]) -> Sequence[Verdict] | None:
        """None while the store is away, or when there is nothing to ask it."""
        claims = [self._as_claim(intent) for intent in intents]
        if not any(claim.key or claim.owner_key for claim in claims):
            return None
        try:
            return await self._idempotency.claim(claims)
        except Away:
            self._tally.unclaimed.value += len(intents)
            return None

    def _as_claim(self, intent: Intent) -> Claim:
        command = intent.command
        owner_key = self._owner_prefix + command.order_id if command.order_id else b""
        return Claim(intent.repeat_key, intent.payload, owner_key, command.account, not intent.owned)

    async def _publish(self, intents: Sequence[Intent], verdicts: Sequence[Verdict] | None) -> list[Result]:
        results: list[Result | None] = [None] * len(intents)
        sendings: dict[int, _Sending] = {}
        for index, intent in enumerate(intents):
            verdict = FRESH if verdicts is None else verdicts[index]
            payload = intent.payload
            if verdict is not FRESH:
                answer = self._repeat(intent, verdict)
                if answer is not None:
                    results[index] = answer
                    continue
                payload = verdict.command
            sending = sendings.get(intent.partition)
            if sending is None:
                sending = sendings[intent.partition] = _Sending()
            sending.indices.append(index)
            sending.entries.append(Entry(intent.log_key, payload))
        flights = [(sending, self._lane(partition).submit(sending.entries)) for partition, sending in sendings.items()]
        for sending, flight in flights:
            self._land(intents, sending, await flight, results, stored=verdicts is not None)
        return [result for result in results if result is not None]

    def _repeat(self, intent: Intent, verdict: Verdict) -> Result | None:
        """The answer to a repeat; None when the first command is to be published again."""
        if verdict.state is State.FOREIGN:
            return Problem(problems.ORDER_NOT_FOUND, field="order_id")
        first = decode_command(verdict.command)
        field = difference(first, intent.command)
        if field:
            self._tally.mismatches.value += 1
            return Problem(problems.IDEMPOTENCY_MISMATCH, f"{field} differs from the first request", field)
        if verdict.state is State.IN_FLIGHT:
            self._tally.in_flight.value += 1
            return Problem(problems.REQUEST_IN_FLIGHT)
        if verdict.state is State.PUBLISHED:
            self._tally.replays.value += 1
            return Taken(first, verdict.partition, verdict.offset, intent.product_id, replayed=True)
        self._tally.abandoned.value += 1
        return None

    def _land(
        self, intents: Sequence[Intent], sending: "_Sending", delivery: Delivery, results: list[Result | None],
        *, stored: bool,
    ) -> None:  # fmt: skip
        """Turn a delivery into results, and settle the claims."""
        settlements = []
        acks, failure = delivery.acks, delivery.failure
        for place, (index, entry) in enumerate(zip(sending.indices, sending.entries, strict=True)):
            intent, payload = intents[index], entry.value or b""
            if place < len(acks):
                command = intent.command if payload is intent.payload else decode_command(payload)
                offset = acks[place].offset
                results[index] = Taken(command, intent.partition, offset, intent.product_id, replayed=False)
                outcome = Outcome.PUBLISHED
            else:
                offset = -1
                certain = isinstance(failure, NotPublished)
                results[index] = Problem(problems.NOT_TAKEN if certain else problems.OUTCOME_UNKNOWN)
                # A command that was published before may still arrive from then.
                again = payload is not intent.payload
                outcome = Outcome.RELEASED if certain and not again else Outcome.UNKNOWN
            if stored and (intent.repeat_key or outcome is Outcome.RELEASED):
                settlements.append(self._settlement(outcome, intent, payload, offset))
        if settlements:
            self._idempotency.settle(settlements)

    def _settlement(self, outcome: Outcome, intent: Intent, payload: bytes, offset: int) -> Settlement:
        owner_key = b""
        if outcome is Outcome.RELEASED and not intent.owned and intent.command.order_id != NO_ID:
            owner_key = self._owner_prefix + intent.command.order_id
        return Settlement(outcome, intent.repeat_key, payload, owner_key, intent.partition, offset)


class _Sending:
    """What goes to one partition, and where its results belong."""

    __slots__ = ("entries", "indices")

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.entries: list[Entry] = []


def last_positions(results: Iterable[Result]) -> str:
    """`Outcry-Position` of several results: the last offset of each partition."""
    last: dict[int, int] = {}
    for result in results:
        if isinstance(result, Taken) and result.offset > last.get(result.partition, -1):
            last[result.partition] = result.offset
    return ",".join(f"{partition}:{offset}" for partition, offset in last.items())
