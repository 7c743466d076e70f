"""Whatever goes wrong in a call, everybody who waits for it is told, and the next one is tried after the pause."""

import asyncio
from collections.abc import Sequence
from itertools import accumulate

import pytest
import structlog
from redis.asyncio import Redis

from libs.service.failures import Away
from libs.service.shared_script import Arguments, CallLimits, SharedScript

LIMITS = CallLimits(timeout_s=5.0, pause_s=0.0, items=10)
CLOSED = RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


class Server:
    """Stands in for Redis's answers: each call raises or returns the next of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Exception | list[int]) -> None:
        self.asked: list[tuple[object, ...]] = []
        self._answers = list(answers)
        monkeypatch.setattr(Redis, "script_load", self._load)
        monkeypatch.setattr(Redis, "evalsha", self._evaluate)

    async def _load(self, script: str) -> str:
        return f"sha of {script}"

    async def _evaluate(self, *arguments: object) -> list[int]:
        self.asked.append(arguments)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def script() -> SharedScript[int, list[int], list[int]]:
    """Answers each request with its part of the reply."""

    def cut(reply: list[int], counts: Sequence[int]) -> list[list[int]]:
        ends = list(accumulate(counts))
        return [[reply[at] for at in range(end - count, end)] for end, count in zip(ends, counts, strict=True)]

    address, log = "redis://127.0.0.1:1/0", structlog.get_logger()
    return SharedScript(address, "script", lambda items: Arguments((), items), cut, LIMITS, log, "test")


def test_requests_that_come_together_share_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, [10, 20, 30])

    async def run() -> None:
        shared = script()
        first, second = await asyncio.gather(shared.ask([1]), shared.ask([2, 3]))
        assert (first, second) == ([10], [20, 30])
        await shared.close()

    asyncio.run(run())
    assert server.asked == [("sha of script", 0, 1, 2, 3)]


@pytest.mark.parametrize("error", [CLOSED, ConnectionResetError("gone"), TimeoutError()])
def test_a_connection_that_goes_fails_those_who_wait_and_the_next_call_is_made(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    Server(monkeypatch, error, [40])

    async def run() -> None:
        shared = script()
        async with asyncio.timeout(5):
            first, second = await asyncio.gather(shared.ask([1]), shared.ask([2]), return_exceptions=True)
            assert isinstance(first, Away)
            assert isinstance(second, Away)
            assert await shared.ask([4]) == [40]
        shared.tell([5, 6])
        await shared.close()

    asyncio.run(run())


def test_what_was_told_and_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    Server(monkeypatch, CLOSED)

    async def run() -> None:
        shared = script()
        shared.tell([1, 2, 3])
        await shared.close()
        assert (shared.untold, shared.queued) == (3, 0)

    asyncio.run(run())


def test_an_error_of_our_own_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    Server(monkeypatch, [], [7])

    async def run() -> None:
        shared = script()
        async with asyncio.timeout(5):
            with pytest.raises(Away, match="IndexError"):
                await shared.ask([1])
            assert await shared.ask([7]) == [7]
        await shared.close()

    asyncio.run(run())
