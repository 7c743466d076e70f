"""Buckets in Redis, one count for all processes.

Redis's clock fills the buckets, so processes whose clocks differ agree.
"""

from collections.abc import Sequence
from typing import Final

from libs.access.buckets import Grant, Wish
from libs.service.logging import Log as Logger
from libs.service.shared_script import Arguments, CallLimits, SharedScript

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


class RedisBuckets:
    """Whoever wants tokens while a call is under way shares the next one."""

    def __init__(self, address: str, logger: Logger, limits: CallLimits) -> None:
        self._script: SharedScript[Wish, list[int], Sequence[Grant]] = SharedScript(
            address, SCRIPT, _arguments, _grants, limits, logger, "rate limits"
        )

    async def take(self, wishes: Sequence[Wish]) -> Sequence[Grant]:
        """Raises Away."""
        return await self._script.ask(wishes)

    async def ping(self) -> None:
        await self._script.ping()

    async def close(self) -> None:
        await self._script.close()


def _arguments(wishes: Sequence[Wish]) -> Arguments:
    numbers = [number for wish in wishes for number in (wish.rate.per_s, wish.rate.burst, wish.tokens)]
    return Arguments([wish.name for wish in wishes], numbers)


def _grants(reply: list[int], counts: Sequence[int]) -> list[list[Grant]]:
    numbers = iter(reply)
    return [[Grant(next(numbers), next(numbers)) for _ in range(count)] for count in counts]
