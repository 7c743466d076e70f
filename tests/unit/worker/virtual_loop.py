"""An event loop whose time jumps to the next timer as soon as nothing else is to be done: no second passes for real.

What threads do takes no time of it: the loop waits for them.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

_STUCK_S = 10.0
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, moves its loop's time."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.loop.threads or timeout is None:
            ready = super().select(_STUCK_S)
            assert ready, "everything waits, and no timer is set"
            return ready
        self.loop.moved += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.loop = self
        self.moved = 0.0
        self.threads = 0
        """That do something for it."""
        super().__init__(selector)

    def time(self) -> float:
        return self.moved

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> "asyncio.Future[_T]":
        self.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: "asyncio.Future[_T]") -> None:
        self.threads -= 1


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario)
