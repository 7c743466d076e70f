"""Buckets in Redis, one count for all processes: one script call at a time, and whatever wants meanwhile shares the next.

Redis's clock fills the buckets, so processes whose clocks differ agree. A failed or slow call opens the circuit: for a
while nothing is asked, and `Away` is raised at once.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, NamedTuple, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from libs.access.buckets import Away, Grant, Wish
from libs.service.logging import Log as Logger

_FAILURES: Final = (RedisError, OSError, TimeoutError)

SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local reply = {}
for i = 1, #KEYS do
  local rate, burst, want = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local full = burst * 1000000
  local tokens, at = full, now
  local found = redis.call('GET', KEYS[i])
  if found then
    local left, since = string.match(found, '(%d+):(%d+)')
    tokens, at = tonumber(left), tonumber(since)
  end
  tokens = math.min(full, tokens + math.max(0, now - at) * rate)
  local granted = math.min(want, math.floor(tokens / 1000000))
  tokens = tokens - granted * 1000000
  -- Kept until it would be full again: a full bucket need not be remembered.
  local until_full = math.ceil((full - tokens) / rate / 1000) + 1
  redis.call('SET', KEYS[i], string.format('%.0f:%.0f', tokens, now), 'PX', until_full)
  reply[2 * i - 1] = granted
  reply[2 * i] = tokens
end
return reply
"""
"""Names as keys; rate, burst and wish of each as arguments; out come granted tokens and millionths left of each."""


class CallLimits(NamedTuple):
    """Named in the settings."""

    timeout_s: float
    pause_s: float
    wishes: int


class _Waiting(NamedTuple):
    wishes: Sequence[Wish]
    answer: "asyncio.Future[Sequence[Grant]]"


class RedisBuckets:
    """Connects at the first use, and again after every failure."""

    def __init__(self, address: str, logger: Logger, limits: CallLimits) -> None:
        self._redis = Redis.from_url(
            address,
            socket_timeout=limits.timeout_s,
            socket_connect_timeout=limits.timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=2,
        )
        self._logger = logger
        self._limits = limits
        self._waiting: list[_Waiting] = []
        self._runner: asyncio.Task[None] | None = None
        self._sha = ""
        self._open_until = 0.0

    async def take(self, wishes: Sequence[Wish]) -> Sequence[Grant]:
        loop = asyncio.get_running_loop()
        if self._open_until > loop.time():
            raise Away("Redis is left alone after a failure")
        answer: asyncio.Future[Sequence[Grant]] = loop.create_future()
        self._waiting.append(_Waiting(wishes, answer))
        if self._runner is None:
            self._runner = loop.create_task(self._run())
        return await answer

    async def ping(self) -> None:
        await self._redis.ping()

    async def close(self) -> None:
        if self._runner is not None:
            await asyncio.wait({self._runner}, timeout=self._limits.timeout_s)
        await self._redis.aclose()

    async def _run(self) -> None:
        """Call after call until nothing waits."""
        try:
            while self._waiting:
                batch = self._next_batch()
                try:
                    _distribute(batch, await self._call([wish for each in batch for wish in each.wishes]))
                except _FAILURES as error:
                    self._failed(batch, error)
        finally:
            self._runner = None

    def _next_batch(self) -> list[_Waiting]:
        """What fits into one call: whole requests, at least one."""
        count = size = 0
        for waiting in self._waiting:
            size += len(waiting.wishes)
            if count and size > self._limits.wishes:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _call(self, wishes: Sequence[Wish]) -> list[int]:
        try:
            return await self._evaluate(wishes)
        except NoScriptError:
            self._sha = ""
            return await self._evaluate(wishes)

    async def _evaluate(self, wishes: Sequence[Wish]) -> list[int]:
        if not self._sha:
            self._sha = await self._redis.script_load(SCRIPT)
        names = [wish.name for wish in wishes]
        numbers = [number for wish in wishes for number in (wish.rate.per_s, wish.rate.burst, wish.tokens)]
        reply = self._redis.evalsha(self._sha, len(names), *names, *numbers)
        return await cast("Awaitable[list[int]]", reply)

    def _failed(self, batch: list[_Waiting], error: Exception) -> None:
        """Leave Redis alone for a while, and tell everybody who waits."""
        self._logger.warning("redis away", purpose="rate limits", detail=f"{type(error).__name__}: {error}")
        self._open_until = asyncio.get_running_loop().time() + self._limits.pause_s
        self._sha = ""
        batch, self._waiting = [*batch, *self._waiting], []
        for waiting in batch:
            if not waiting.answer.done():
                waiting.answer.set_exception(Away(f"Redis failed: {error!r}"))


def _distribute(batch: list[_Waiting], reply: list[int]) -> None:
    numbers = iter(reply)
    for waiting in batch:
        grants = [Grant(next(numbers), next(numbers)) for _ in waiting.wishes]
        if not waiting.answer.done():
            waiting.answer.set_result(grants)
