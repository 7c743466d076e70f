"""A script in Redis that requests share: one connection, one call at a time, everything that waits goes into the next one.

So calls keep their order, what follows an answer finds it written down, and a thousand requests at once cost a few
calls. A failed or slow call opens the circuit: for a while nothing is asked, and whoever asks is told at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from libs.service.failures import Away
from libs.service.logging import Log as Logger

REDIS_FAILURES: Final = (RedisError, OSError, TimeoutError, RuntimeError)
"""Of a Redis that is away. The last is uvloop's, of a connection that went while it was written to."""

Item = TypeVar("Item")
Reply = TypeVar("Reply")
Answer = TypeVar("Answer")


class CallLimits(NamedTuple):
    """Named in the settings."""

    timeout_s: float
    """Of one call, and of connecting."""
    pause_s: float
    """Nothing is asked for so long after a failure."""
    items: int
    """In one call, unless a single request has more."""
    gather_s: float = 0.0
    """Between the starts of two calls, unless the last one is longer ago: each costs a fixed price on both sides."""


class Arguments(NamedTuple):
    """Of one call."""

    keys: Sequence[bytes]
    values: Sequence[bytes | int]


class _Waiting(NamedTuple):
    items: Sequence[object]
    answer: "asyncio.Future[object] | None"
    """None: nobody waits for it."""


class SharedScript(Generic[Item, Reply, Answer]):
    """Connects at the first use, and again after every failure.

    `arguments` makes those of a call from the items of all requests in it; `answers` cuts its reply into an answer for
    each request, which had so many items.
    """

    def __init__(
        self,
        address: str,
        script: str,
        arguments: Callable[[Sequence[Item]], Arguments],
        answers: Callable[[Reply, Sequence[int]], Sequence[Answer]],
        limits: CallLimits,
        logger: Logger,
        purpose: str,
    ) -> None:
        self._redis = Redis.from_url(
            address,
            socket_timeout=limits.timeout_s,
            socket_connect_timeout=limits.timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=2,
        )
        self._script = script
        self._arguments = arguments
        self._answers = answers
        self._limits = limits
        self._logger = logger
        self._purpose = purpose
        self._waiting: list[_Waiting] = []
        self._runner: asyncio.Task[None] | None = None
        self._sha = ""
        self._open_until = 0.0
        self._next_at = 0.0
        self.queued = 0
        """Items that no call has taken yet."""
        self.untold = 0
        """Items of `tell` that a failure lost."""

    @property
    def is_open(self) -> bool:
        """Whether the circuit is: Redis is left alone after a failure."""
        return self._open_until > 0 and self._open_until > asyncio.get_running_loop().time()

    async def ask(self, items: Sequence[Item]) -> Answer:
        """Raises Away."""
        if self.is_open:
            raise Away("Redis is left alone after a failure")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._enqueue(_Waiting(items, answer))
        return cast("Answer", await answer)

    def tell(self, items: Sequence[Item]) -> None:
        """The same without waiting for an answer."""
        self._enqueue(_Waiting(items, None))

    async def ping(self) -> None:
        await self._redis.ping()

    async def close(self) -> None:
        """What waits is still asked, for as long as two calls may take."""
        if self._runner is not None:
            await asyncio.wait({self._runner}, timeout=2 * self._limits.timeout_s)
        await self._redis.aclose()

    def _enqueue(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self.queued += len(waiting.items)
        if self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Call after call until nothing waits."""
        try:
            while self._waiting:
                await self._gather()
                batch = self._next_batch()
                try:
                    self._distribute(batch, await self._call(batch))
                except REDIS_FAILURES as error:
                    self._failed(batch, error)
                except BaseException as error:
                    self._failed(batch, error)  # nobody waits for an answer that cannot come
                    raise
        finally:
            self._runner = None

    async def _gather(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._next_at - loop.time()
        if pause > 0:
            await asyncio.sleep(pause)
        self._next_at = loop.time() + self._limits.gather_s

    def _next_batch(self) -> list[_Waiting]:
        """What fits into one call: whole requests, at least one."""
        count = size = 0
        for waiting in self._waiting:
            size += len(waiting.items)
            if count and size > self._limits.items:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self.queued -= sum(len(waiting.items) for waiting in batch)
        return batch

    async def _call(self, batch: list[_Waiting]) -> Reply:
        arguments = self._arguments([cast("Item", item) for waiting in batch for item in waiting.items])
        try:
            return await self._evaluate(arguments)
        except NoScriptError:
            self._sha = ""
            return await self._evaluate(arguments)

    async def _evaluate(self, arguments: Arguments) -> Reply:
        if not self._sha:
            self._sha = await self._redis.script_load(self._script)
        keys, values = arguments
        return await cast("Awaitable[Reply]", self._redis.evalsha(self._sha, len(keys), *keys, *values))

    def _distribute(self, batch: list[_Waiting], reply: Reply) -> None:
        answers = self._answers(reply, [len(waiting.items) for waiting in batch])
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer is not None and not waiting.answer.done():
                waiting.answer.set_result(answer)

    def _failed(self, batch: list[_Waiting], error: BaseException) -> None:
        """Leave Redis alone for a while, and tell everybody who waits."""
        if not self.is_open:
            self._logger.warning("redis away", purpose=self._purpose, detail=f"{type(error).__name__}: {error}")
        self._open_until = asyncio.get_running_loop().time() + self._limits.pause_s
        self._sha = ""
        batch, self._waiting, self.queued = [*batch, *self._waiting], [], 0
        for waiting in batch:
            if waiting.answer is None:
                self.untold += len(waiting.items)
            elif not waiting.answer.done():
                waiting.answer.set_exception(Away(f"Redis failed: {error!r}"))
