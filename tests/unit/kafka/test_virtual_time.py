"""Time that only a test moves."""

import asyncio

from libs.kafka.memory import VirtualTime
from tests.unit.kafka.worlds import run


def test_waits_end_in_the_order_of_their_deadlines_at_their_own_time() -> None:
    async def test() -> None:
        time, seen = VirtualTime(0), list[tuple[str, int]]()

        async def wait(name: str, seconds: float) -> None:
            await time.wait(asyncio.get_running_loop().create_future(), seconds)
            seen.append((name, time.now()))

        tasks = [asyncio.create_task(wait(name, s)) for name, s in (("late", 3), ("early", 1), ("middle", 2))]
        await time.advance(2.5)
        assert seen == [("early", 1_000_000_000), ("middle", 2_000_000_000)]
        await time.advance(10)
        assert seen[-1] == ("late", 3_000_000_000)
        assert time.now() == 12_500_000_000
        await asyncio.gather(*tasks)

    run(test())


def test_a_wait_ends_with_its_future_and_leaves_it_alone_otherwise() -> None:
    async def test() -> None:
        time = VirtualTime()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(time.wait(future, 1.0))
        await time.advance(1.0)
        await waiting
        assert not future.done()
        waiting = asyncio.create_task(time.wait(future, 1.0))
        await asyncio.sleep(0)
        future.set_result(None)
        await waiting

    run(test())
