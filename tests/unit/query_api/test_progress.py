"""Waiting for a position: for exactly as long as it is not reached, by many at once, and not for ever."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from libs.service.problems import INVALID_POSITION, NOT_READY, OVERLOADED, Problem
from services.query_api.progress import Progress, positions

LIMIT_S = 5.0


def run(scenario: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), LIMIT_S))


def test_a_position_that_is_passed_is_not_waited_for() -> None:
    async def scenario() -> None:
        progress = Progress("it", 0)
        progress.advance(3, 10)
        await progress.reach({3: 10}, 0)
        await progress.reach({}, 0)

    run(scenario)


def test_all_who_wait_go_on_when_the_last_of_their_positions_is_passed() -> None:
    async def scenario() -> None:
        progress = Progress("it", 10)
        waiting = [asyncio.create_task(progress.reach({0: 5, 1: 7}, LIMIT_S)) for _ in range(3)]
        for partition, offset in ((0, 4), (1, 7), (0, 5)):
            await asyncio.sleep(0)
            assert not any(task.done() for task in waiting)
            progress.advance(partition, offset)
        await asyncio.gather(*waiting)

    run(scenario)


def test_what_is_not_reached_in_time_is_a_problem_that_names_it() -> None:
    async def scenario() -> None:
        progress = Progress("it", 10)
        progress.advance(0, 3)
        with pytest.raises(Problem, match="it has not passed position 0:4") as raised:
            await progress.reach({0: 4}, 0.01)
        assert raised.value.kind is NOT_READY

    run(scenario)


def test_after_it_was_forgotten_it_is_waited_for_again() -> None:
    async def scenario() -> None:
        progress = Progress("it", 10)
        progress.advance(0, 9)
        progress.forget()
        waiting = asyncio.create_task(progress.reach({0: 9}, LIMIT_S))
        await asyncio.sleep(0)
        progress.advance(0, 8)
        await asyncio.sleep(0)
        assert not waiting.done()
        progress.advance(0, 9)
        await waiting

    run(scenario)


def test_no_more_wait_than_the_limit() -> None:
    async def scenario() -> None:
        progress = Progress("it", 1)
        waiting = asyncio.create_task(progress.reach({0: 1}, LIMIT_S))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as raised:
            await progress.reach({0: 1}, LIMIT_S)
        assert raised.value.kind is OVERLOADED
        progress.advance(0, 1)
        await waiting

    run(scenario)


def test_one_who_gives_up_does_not_end_the_wait_of_others() -> None:
    async def scenario() -> None:
        progress = Progress("it", 10)
        waiting = asyncio.create_task(progress.reach({0: 1}, LIMIT_S))
        with pytest.raises(Problem):
            await progress.reach({0: 1}, 0.01)
        progress.advance(0, 1)
        await waiting

    run(scenario)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0:5", {0: 5}),
        ("0:5, 3:0", {0: 5, 3: 0}),
        ("1:5,1:7,1:6", {1: 7}),
        ("255:123456789012345678", {255: 123456789012345678}),
    ],
)
def test_positions_are_read(text: str, wanted: dict[int, int]) -> None:
    assert positions([(b"x", b"y"), (b"outcry-position", text.encode())]) == wanted


def test_without_the_header_nothing_is_waited_for() -> None:
    assert positions([(b"accept", b"*/*")]) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "0:",
        ":5",
        "0:-1",
        "0:5,",
        "a:5",
        "0:5:6",
        "256:1",
        "0:1234567890123456789",
        "0:\xb2",
        ",".join(["0:1"] * 257),
    ],
)
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(Problem) as raised:
        positions([(b"outcry-position", text.encode("latin1"))])
    assert (raised.value.kind, raised.value.field) == (INVALID_POSITION, "Outcry-Position")
