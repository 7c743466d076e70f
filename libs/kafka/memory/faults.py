"""Where the twin can be made to fail, and a plan that does so on the next occasion."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol, TypeAlias

Action: TypeAlias = Callable[[], Awaitable[None]]


class Point(Enum):
    """A moment in an operation; what an exception or a delay there stands for."""

    CONNECT = "connect"  # a reader or writer starts; nothing has happened yet
    ASK = "ask"  # bounds or a committed position are wanted
    BEGIN = "begin"  # nothing is written yet
    SENT = "sent"  # records are in the log, the transaction is open
    END = "end"  # the offset is in the transaction too, the end is about to be asked for
    ENDED = "ended"  # committed, but the writer does not know yet
    PUBLISH = "publish"  # nothing is written yet
    PUBLISHED = "published"  # in the log, but the publisher does not know yet
    POLL = "poll"  # before a reader looks


class Faults(Protocol):
    """Called at every point with the transactional id, topic or group it happens to.

    To return is to go on. Raise `Aborted` before ENDED, or `NotPublished` at PUBLISH, or `PublishUnknown` at
    PUBLISHED, and the twin acts accordingly; any other exception is a death: what is open stays open.
    """

    async def reach(self, point: Point, name: str) -> None: ...


class PlannedFaults:
    """Does what was planned, once each, in the order planned; nothing else."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Point, str], deque[Action]] = {}

    def plan(self, point: Point, name: str, action: Action) -> None:
        self._plans.setdefault((point, name), deque()).append(action)

    def fail(self, point: Point, name: str, error: Exception) -> None:
        """Raise `error` there, once."""

        async def action() -> None:
            raise error

        self.plan(point, name, action)

    def hold(self, point: Point, name: str) -> "asyncio.Event":
        """Stop there, once, until the event is set."""
        released = asyncio.Event()

        async def action() -> None:
            await released.wait()

        self.plan(point, name, action)
        return released

    async def reach(self, point: Point, name: str) -> None:
        planned = self._plans.get((point, name))
        if planned:
            await planned.popleft()()
