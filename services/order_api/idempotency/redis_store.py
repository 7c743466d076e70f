"""The store of repeats on Redis: one connection, one call at a time, everything that waits shares the next one.

So calls keep their order, a repeat that follows its answer finds it written down, and a thousand requests at once cost
a few calls. A failed or slow call opens the circuit: for a while nothing is asked, and orders go on without the store.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, NamedTuple, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from libs.service.clock import Clock
from libs.service.logging import Log as Logger
from services.order_api.idempotency import record
from services.order_api.idempotency.ports import (
    FOREIGN,
    FRESH,
    Away,
    Claim,
    Outcome,
    Settlement,
    State,
    Verdict,
)
from services.order_api.idempotency.script import CHECK, PLACE, RELEASE, SCRIPT, WRITE, Operation, packed

_FAILURES: Final = (RedisError, OSError, TimeoutError)
_N, _F = ord("n"), ord("f")
_STATES: Final = {ord(state.value): state for state in State}


class Limits(NamedTuple):
    """Named in the settings."""

    timeout_s: float
    pause_s: float
    operations: int
    queue: int
    ttl_s: int
    pending_ms: int
    gather_s: float


class _Waiting(NamedTuple):
    operations: Sequence[Operation]
    answer: "asyncio.Future[Sequence[Verdict]] | None"


class RedisIdempotency:
    """Connects at the first use, and again after every failure."""

    def __init__(self, address: str, clock: Clock, logger: Logger, limits: Limits) -> None:
        self._redis = Redis.from_url(
            address,
            socket_timeout=limits.timeout_s,
            socket_connect_timeout=limits.timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=2,
        )
        self._clock = clock
        self._logger = logger
        self._limits = limits
        self._waiting: list[_Waiting] = []
        self._queued = 0
        self._runner: asyncio.Task[None] | None = None
        self._sha = ""
        self._open_until = 0.0
        self._next_at = 0.0
        self.unwritten = 0
        """Outcomes that were not written down."""

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        if self._is_open():
            raise Away("Redis is left alone after a failure")
        head = record.pending(self._clock.now() // 1_000_000)
        operations = [
            (PLACE if claim.places else CHECK, claim.key, head + claim.command, claim.owner_key, claim.account.encode())
            for claim in claims
        ]
        answer: asyncio.Future[Sequence[Verdict]] = asyncio.get_running_loop().create_future()
        self._enqueue(_Waiting(operations, answer))
        return await answer

    def settle(self, settlements: Sequence[Settlement]) -> None:
        if self._is_open() or self._queued + len(settlements) > self._limits.queue:
            self.unwritten += len(settlements)
            return
        now = self._clock.now() // 1_000_000
        self._enqueue(_Waiting([_operation(settlement, now) for settlement in settlements], None))

    async def ping(self) -> None:
        await self._redis.ping()

    async def close(self) -> None:
        if self._runner is not None:
            await asyncio.wait({self._runner}, timeout=2 * self._limits.timeout_s)
        await self._redis.aclose()

    def _is_open(self) -> bool:
        return self._open_until > 0 and self._open_until > asyncio.get_running_loop().time()

    def _enqueue(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._queued += len(waiting.operations)
        if self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Call after call until nothing waits."""
        try:
            while self._waiting:
                await self._gather()
                batch = self._next_batch()
                try:
                    _distribute(batch, await self._call([one for each in batch for one in each.operations]))
                except _FAILURES as error:
                    self._failed(batch, error)
        finally:
            self._runner = None

    async def _gather(self) -> None:
        """Keep a distance between calls, unless the last one is that long ago: each costs a fixed price on both sides."""
        loop = asyncio.get_running_loop()
        pause = self._next_at - loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        self._next_at = loop.time() + self._limits.gather_s

    def _next_batch(self) -> list[_Waiting]:
        """What fits into one call: whole requests, at least one."""
        count = size = 0
        for waiting in self._waiting:
            size += len(waiting.operations)
            if count and size > self._limits.operations:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._queued -= sum(len(waiting.operations) for waiting in batch)
        return batch

    async def _call(self, operations: list[Operation]) -> list[bytes]:
        now = self._clock.now() // 1_000_000
        arguments = packed(operations)
        try:
            return await self._evaluate(arguments, now)
        except NoScriptError:
            self._sha = ""
            return await self._evaluate(arguments, now)

    async def _evaluate(self, arguments: tuple[bytes, bytes], now: int) -> list[bytes]:
        if not self._sha:
            self._sha = await self._redis.script_load(SCRIPT)
        limits = self._limits
        reply = self._redis.evalsha(self._sha, 0, *arguments, now, limits.pending_ms, limits.ttl_s)
        return await cast("Awaitable[list[bytes]]", reply)

    def _failed(self, batch: list[_Waiting], error: Exception) -> None:
        """Leave Redis alone for a while, and tell everybody who waits."""
        if not self._is_open():
            self._logger.warning("redis away", detail=f"{type(error).__name__}: {error}")
        self._open_until = asyncio.get_running_loop().time() + self._limits.pause_s
        self._sha = ""
        batch, self._waiting, self._queued = [*batch, *self._waiting], [], 0
        for waiting in batch:
            if waiting.answer is None:
                self.unwritten += len(waiting.operations)
            elif not waiting.answer.done():
                waiting.answer.set_exception(Away(f"Redis failed: {error!r}"))


def _operation(settlement: Settlement, now: int) -> Operation:
    if settlement.outcome is Outcome.RELEASED:
        return RELEASE, settlement.key, settlement.command, settlement.owner_key, b""
    if settlement.outcome is Outcome.UNKNOWN:
        head = record.pending(0)
    else:
        head = record.published(now, settlement.partition, settlement.offset)
    return WRITE, settlement.key, head + settlement.command, b"", b""


def _distribute(batch: list[_Waiting], reply: list[bytes]) -> None:
    letters, records, start = reply[0], iter(reply[1:]), 0
    for waiting in batch:
        end = start + len(waiting.operations)
        if waiting.answer is not None:
            verdicts = [
                FRESH if letter == _N else FOREIGN if letter == _F else record.verdict(_STATES[letter], next(records))
                for letter in letters[start:end]
            ]
            if not waiting.answer.done():
                waiting.answer.set_result(verdicts)
        start = end
