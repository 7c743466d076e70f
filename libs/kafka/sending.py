"""One producer's way out: one request at a time, with a batch of every partition for which something waits.

What comes while a request is in flight waits for the next, so that under load many calls share one. Calls of one
partition keep their order. The first failure is the last: the broker refuses all that a producer sends behind a gap.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from libs.kafka.limits import Limits
from libs.kafka.ports import Ack
from libs.kafka.requests import Requests
from libs.kafka.untyped import Builder, KafkaError, Producer, producer_identity, retrieve, sealed
from libs.kafka.wire import Batch, Written

_MOST_SEQUENCE: Final = 2**31 - 1


class Call:
    """Batches for one partition on their way; `done` fails when they are on it no more."""

    def __init__(self, topic: str, partition: int, batches: Sequence[Builder], timestamp: int) -> None:
        self.at = (topic, partition)
        self.batches = batches
        self.handed_over = 0
        """So many batches may have reached a connection."""
        self.written: list[Written] = []
        """Of the first batches."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done.add_done_callback(retrieve)
        self._timestamp = timestamp

    def acks(self) -> list[Ack]:
        """Of the first entries, as far as they are known to be in the log."""
        acks: list[Ack] = []
        for batch, written in zip(self.batches, self.written, strict=False):
            timestamp = written.appended if written.appended >= 0 else self._timestamp
            acks += [Ack(written.base_offset + index, timestamp) for index in range(batch.record_count())]
        return acks


class Sending:
    def __init__(self, producer: Producer, limits: Limits) -> None:
        self.producer = producer
        self._requests = Requests(producer, limits)
        self._owner = producer_identity(producer, "")
        self._sequences: dict[tuple[str, int], int] = {}
        self._waiting: dict[tuple[str, int], deque[Call]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def submit(self, call: Call) -> None:
        if self._failure is not None:
            call.done.set_exception(self._failure)
            return
        self._waiting.setdefault(call.at, deque()).append(call)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())

    def halt(self, cause: Exception) -> None:
        """Send nothing more, and fail all that waits. Takes effect at once: what was not handed over never will be."""
        self._failure = KafkaError(f"the producer is replaced after {cause!r}")
        if self._runner is not None:
            self._runner.cancel()
        waiting, self._waiting = self._waiting, {}
        for calls in waiting.values():
            for call in calls:
                if not call.done.done():
                    call.done.set_exception(self._failure)

    async def drained(self) -> None:
        """Until nothing is on its way."""
        if self._runner is not None:
            await asyncio.wait({self._runner})

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._send([calls[0] for calls in self._waiting.values()])
        except (OSError, KafkaError) as error:
            self.halt(error)
        finally:
            self._runner = None

    async def _send(self, calls: Sequence[Call]) -> None:
        """One batch of each."""
        answers = await self._requests.write(None, [self._next_batch(call) for call in calls])
        found = {(written.topic, written.partition): written for written in answers}
        for call in calls:
            call.written.append(found[call.at])
            if len(call.written) == len(call.batches):
                self._leave(call)

    def _next_batch(self, call: Call) -> Batch:
        batch, sequence = call.batches[call.handed_over], self._sequences.get(call.at, 0)
        call.handed_over += 1
        self._sequences[call.at] = (sequence + batch.record_count()) & _MOST_SEQUENCE
        return Batch(*call.at, sealed(batch, self._owner, sequence))

    def _leave(self, call: Call) -> None:
        calls = self._waiting[call.at]
        calls.popleft()
        if not calls:
            del self._waiting[call.at]
        if not call.done.done():
            call.done.set_result(None)
