"""A part: sees when what was asked for became fact. Reads `order-events` committed, and hears the read side move.

It reads one partition of all, which is a sample as good as any: reading each small transaction of every partition at
once would cost as much as a worker, and the latencies would be those of a busier exchange.
"""

import time
from pathlib import Path
from typing import Final

import msgspec

from libs.events import ids
from libs.events.codec import decode_event
from libs.events.topics import ORDER_EVENTS
from libs.kafka.adapter import KafkaLog
from libs.kafka.limits import Limits
from libs.kafka.ports import LogReader
from tests.benchmarks.child import serve
from tests.benchmarks.projection import Projection

_AT_ONCE: Final = Limits(gather_bytes=1)
"""It wants to know when an event can be read, not to read it cheaply."""
_SAMPLED: Final = 0
"""The partition."""
_POLL_RECORDS: Final = 10_000
_POLL_S: Final = 0.1


class Task(msgspec.Struct):
    kafka: str
    postgres: str
    seconds: float
    ready: str
    """A file that is made when the watch has begun."""


class Seen(msgspec.Struct):
    """Times are `time.monotonic`."""

    committed: dict[str, float]
    """By command id: when its last event was read. Commands of the sampled partition only."""
    moves: list[tuple[float, int, int]]
    """When, partition, and the last command whose outcome could be read."""


async def main(task: Task) -> Seen:
    seen = Seen({}, [])
    projection = Projection(lambda *move: seen.moves.append(move))
    reader = KafkaLog(task.kafka, "bench-observer", _AT_ONCE).reader(ORDER_EVENTS)
    await reader.start()
    try:
        await projection.start(task.postgres)
        reader.assign({_SAMPLED: (await reader.bounds(_SAMPLED)).end})
        Path(task.ready).touch()  # noqa: ASYNC240  # one system call
        await _read(reader, time.monotonic() + task.seconds, seen)
    finally:
        await projection.stop()
        await reader.stop()
    return seen


async def _read(reader: LogReader, ends: float, seen: Seen) -> None:
    while time.monotonic() < ends:
        polled = await reader.poll(_POLL_RECORDS, _POLL_S)
        now = time.monotonic()
        for records in polled.values():
            for record in records:
                event = decode_event(record.value or b"")
                if event.last:
                    seen.committed[ids.text(event.command_id)] = now


if __name__ == "__main__":
    serve(Task, main)
