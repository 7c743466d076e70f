"""What every store of repeats must do: the one in memory and the one on a real Valkey."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
import structlog

from libs.service.clock import VirtualClock
from libs.service.shared_script import CallLimits
from services.order_api.idempotency.memory import MemoryIdempotency
from services.order_api.idempotency.ports import Claim, Idempotency, Outcome, Settlement, State, Verdict
from services.order_api.idempotency.redis_store import Limits, RedisIdempotency

PENDING_MS = 15_000
LIMITS = Limits(CallLimits(timeout_s=5.0, pause_s=60.0, items=50), queue=1_000, ttl_s=3_600, pending_ms=PENDING_MS)
NOT_TEXT = bytes(range(256))


class Case:
    """A store, its clock, and names nobody else uses."""

    def __init__(self, store: Idempotency, clock: VirtualClock) -> None:
        self.store = store
        self.clock = clock
        self._run = os.urandom(8).hex()

    def place(self, key: str, account: str = "ann", command: bytes = NOT_TEXT) -> Claim:
        """A new order, whose id goes with its key."""
        return Claim(self.name(key), command, self.name(f"order {key}"), account, places=True)

    def cancel(self, order: str, account: str, key: str = "") -> Claim:
        return Claim(self.name(key), b"cancel", self.name(f"order {order}"), account, places=False)

    def name(self, text: str) -> bytes:
        return f"{self._run}:{text}".encode() if text else b""

    def settled(self, claim: Claim, outcome: Outcome, partition: int = -1, offset: int = -1) -> Settlement:
        owner_key = claim.owner_key if outcome is Outcome.RELEASED else b""
        return Settlement(outcome, claim.key, claim.command, owner_key, partition, offset)

    async def ask(self, claim: Claim) -> Verdict:
        (verdict,) = await self.store.claim([claim])
        return verdict


Scenario = Callable[[Case], Awaitable[None]]
Check = Callable[[Scenario], None]


@pytest.fixture(params=["memory", "valkey"])
def check(request: pytest.FixtureRequest) -> Check:
    """Runs a scenario against one of the stores."""
    address = request.getfixturevalue("servers").redis if request.param == "valkey" else ""

    def check_it(scenario: Scenario) -> None:
        async def run() -> None:
            clock = VirtualClock()
            if address:
                store: Idempotency = RedisIdempotency(address, clock, structlog.get_logger(), LIMITS)
            else:
                store = MemoryIdempotency(clock, PENDING_MS)
            try:
                await scenario(Case(store, clock))
            finally:
                await store.close()

        asyncio.run(run())

    return check_it


def test_a_claim_is_fresh_once(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claim = case.place("a")
        assert await case.ask(claim) == Verdict(State.FRESH)
        assert await case.ask(case.place("b")) == Verdict(State.FRESH)
        assert await case.ask(claim) == Verdict(State.IN_FLIGHT, NOT_TEXT)

    check(scenario)


def test_a_repeat_finds_the_first_command_and_its_position(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claim = case.place("a")
        await case.ask(claim)
        case.store.settle([case.settled(claim, Outcome.PUBLISHED, 7, 2**40)])
        other = case.place("a", command=b"another body")
        assert await case.ask(other) == Verdict(State.PUBLISHED, NOT_TEXT, 7, 2**40)
        case.clock.advance(3_000)
        assert (await case.ask(other)).state is State.PUBLISHED

    check(scenario)


def test_what_was_never_settled_is_abandoned_and_goes_to_one_request(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claim, again = case.place("a"), case.place("a", command=b"again")
        await case.ask(claim)
        case.clock.advance(PENDING_MS / 1000)
        assert (await case.ask(again)).state is State.IN_FLIGHT
        case.clock.advance(0.002)
        assert await case.ask(again) == Verdict(State.ABANDONED, NOT_TEXT)
        assert await case.ask(again) == Verdict(State.IN_FLIGHT, NOT_TEXT)
        case.store.settle([case.settled(claim, Outcome.PUBLISHED, 0, 5)])
        assert await case.ask(again) == Verdict(State.PUBLISHED, NOT_TEXT, 0, 5)

    check(scenario)


def test_an_unknown_outcome_is_abandoned_at_once(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claim = case.place("a")
        await case.ask(claim)
        case.store.settle([case.settled(claim, Outcome.UNKNOWN)])
        assert await case.ask(claim) == Verdict(State.ABANDONED, NOT_TEXT)

    check(scenario)


def test_a_released_claim_leaves_nothing(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claim = case.place("a")
        await case.ask(claim)
        case.store.settle([case.settled(claim, Outcome.RELEASED)])
        assert await case.ask(case.cancel("a", "bob")) == Verdict(State.FRESH)
        assert await case.ask(claim) == Verdict(State.FRESH)

    check(scenario)


def test_a_release_spares_the_claim_of_another_command(check: Check) -> None:
    async def scenario(case: Case) -> None:
        await case.ask(case.place("a"))
        late = case.place("a", command=b"other")._replace(owner_key=b"")
        case.store.settle([case.settled(late, Outcome.RELEASED)])
        assert (await case.ask(case.place("a"))).state is State.IN_FLIGHT

    check(scenario)


def test_an_order_is_its_owners(check: Check) -> None:
    async def scenario(case: Case) -> None:
        await case.ask(case.place("a", "ann"))
        assert await case.ask(case.cancel("a", "ann")) == Verdict(State.FRESH)
        assert await case.ask(case.cancel("a", "bob", key="c")) == Verdict(State.FOREIGN)
        assert await case.ask(case.cancel("b", "bob", key="c")) == Verdict(State.FRESH)

    check(scenario)


def test_a_repeat_makes_nobody_an_owner(check: Check) -> None:
    async def scenario(case: Case) -> None:
        await case.ask(case.place("a", "ann"))
        repeat = case.place("a", "ann")._replace(owner_key=case.name("order x"))
        assert (await case.ask(repeat)).state is State.IN_FLIGHT
        assert await case.ask(case.cancel("x", "bob")) == Verdict(State.FRESH)

    check(scenario)


def test_without_a_key_nothing_is_a_repeat_but_the_order_has_an_owner(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claim = case.place("a", "ann")._replace(key=b"")
        assert await case.ask(claim) == await case.ask(claim) == Verdict(State.FRESH)
        assert await case.ask(case.cancel("a", "bob")) == Verdict(State.FOREIGN)

    check(scenario)


def test_claims_of_one_call_see_each_other(check: Check) -> None:
    async def scenario(case: Case) -> None:
        claims = [
            case.place("a"), case.place("a"), case.cancel("a", "bob"), case.cancel("a", "ann"), case.place("b"),
        ]  # fmt: skip
        states = [verdict.state for verdict in await case.store.claim(claims)]
        assert states == [State.FRESH, State.IN_FLIGHT, State.FOREIGN, State.FRESH, State.FRESH]

    check(scenario)


def test_many_requests_at_once_get_their_own_verdicts(check: Check) -> None:
    async def scenario(case: Case) -> None:
        known = [case.place(f"known {index}", command=b"%d" % index) for index in range(40)]
        await case.store.claim(known)
        case.store.settle([case.settled(each, Outcome.PUBLISHED, 1, index) for index, each in enumerate(known)])
        requests = [[case.place(f"new {index}"), known[index], case.place("")] for index in range(40)]
        answers = await asyncio.gather(*(case.store.claim(request) for request in requests))
        for index, (new, found, keyless) in enumerate(answers):
            assert new.state is keyless.state is State.FRESH
            assert found == Verdict(State.PUBLISHED, b"%d" % index, 1, index)

    check(scenario)


def test_it_answers(check: Check) -> None:
    async def scenario(case: Case) -> None:
        await case.store.ping()

    check(scenario)
