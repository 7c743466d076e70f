"""Group commit: what comes while a publish is in flight shares the next one, in order."""

import asyncio
from collections.abc import Sequence

from libs.events.topics import ORDERS
from libs.kafka.failures import NotPublished, PublishUnknown
from libs.kafka.ports import Ack, Entry
from services.order_api.lanes import Delivery, Lane


class Recorder:
    """A publisher that answers when told to."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.answers: asyncio.Queue[Exception | None] = asyncio.Queue()
        self._next = 0

    async def start(self) -> None:
        return

    async def publish(self, _topic: str, _partition: int, entries: Sequence[Entry]) -> Sequence[Ack]:
        self.calls.append([entry.value or b"" for entry in entries])
        failure = await self.answers.get()
        if failure is not None:
            raise failure
        base, self._next = self._next, self._next + len(entries)
        return [Ack(base + index, 0) for index in range(len(entries))]

    async def partitions(self, _topic: str) -> int:
        return 1

    async def close(self) -> None:
        return


def _lane(recorder: Recorder, most: int = 100) -> Lane:
    return Lane(recorder, ORDERS, 0, most, 0.0, lambda acks: None, lambda error: None)


def _entries(*values: bytes) -> list[Entry]:
    return [Entry(b"BTC-USD", value) for value in values]


def _offsets(delivery: Delivery) -> list[int]:
    return [ack.offset for ack in delivery.acks]


async def _called(recorder: Recorder, times: int) -> None:
    while len(recorder.calls) < times:
        await asyncio.sleep(0)


def test_what_comes_meanwhile_shares_the_next_publish() -> None:
    async def run() -> None:
        recorder = Recorder()
        lane = _lane(recorder)
        first = lane.submit(_entries(b"a"))
        await _called(recorder, 1)
        second, third = lane.submit(_entries(b"b", b"c")), lane.submit(_entries(b"d"))
        recorder.answers.put_nowait(None)
        recorder.answers.put_nowait(None)
        assert [_offsets(await each) for each in (first, second, third)] == [[0], [1, 2], [3]]
        assert recorder.calls == [[b"a"], [b"b", b"c", b"d"]]

    asyncio.run(run())


def test_a_publish_is_bounded_by_whole_requests() -> None:
    async def run() -> None:
        recorder = Recorder()
        lane = _lane(recorder, most=2)
        for _ in range(3):
            recorder.answers.put_nowait(None)
        requests = [lane.submit(_entries(*values)) for values in ((b"a",), (b"b", b"c", b"d"), (b"e",))]
        await asyncio.gather(*requests)
        assert recorder.calls == [[b"a"], [b"b", b"c", b"d"], [b"e"]]

    asyncio.run(run())


def test_a_failure_is_everybodys_who_shared_and_nobody_elses() -> None:
    async def run() -> None:
        recorder = Recorder()
        lane = _lane(recorder)
        failure = NotPublished(ORDERS, 0, 2, "no leader")
        recorder.answers.put_nowait(failure)
        shared = [lane.submit(_entries(b"a")), lane.submit(_entries(b"b"))]
        assert [(await each).failure for each in shared] == [failure, failure]
        recorder.answers.put_nowait(None)
        assert (await lane.submit(_entries(b"c"))).failure is None

    asyncio.run(run())


def test_the_part_that_was_acknowledged_is() -> None:
    async def run() -> None:
        recorder = Recorder()
        lane = _lane(recorder)
        failure = PublishUnknown(ORDERS, 0, 4, "cut", [Ack(5, 0), Ack(6, 0)])
        recorder.answers.put_nowait(failure)
        requests = [lane.submit(_entries(b"a")), lane.submit(_entries(b"b", b"c")), lane.submit(_entries(b"d"))]
        found = [await each for each in requests]
        assert [_offsets(each) for each in found] == [[5], [6], []]
        assert [each.failure for each in found] == [None, failure, failure]

    asyncio.run(run())


def test_a_fault_nobody_foresaw_leaves_the_outcome_unknown() -> None:
    async def run() -> None:
        recorder = Recorder()
        recorder.answers.put_nowait(RuntimeError("a fault"))
        delivery = await _lane(recorder).submit(_entries(b"a"))
        assert isinstance(delivery.failure, PublishUnknown)

    asyncio.run(run())


def test_a_request_that_was_given_up_costs_the_others_nothing() -> None:
    async def run() -> None:
        recorder = Recorder()
        lane = _lane(recorder)
        given_up, other = lane.submit(_entries(b"a")), lane.submit(_entries(b"b"))
        given_up.cancel()
        recorder.answers.put_nowait(None)
        assert _offsets(await other) == [1]
        await lane.drain()

    asyncio.run(run())
