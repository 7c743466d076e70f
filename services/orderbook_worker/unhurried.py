"""A reader for what can wait: its user pauses before each poll, longer the longer he worked on what the last one brought.

So background work has a share of the processor, however much there is of it, and the event loop is free in between.
"""

import asyncio
from collections.abc import Mapping, Sequence

from libs.kafka.ports import Bounds, LogReader, Record


class Unhurried:
    """`factor`: how many times as long as the work the pause is."""

    def __init__(self, reader: LogReader, factor: int) -> None:
        self._reader = reader
        self._factor = factor
        self._brought = float("inf")
        """When the last poll brought something; from then on its user worked."""

    async def start(self) -> None:
        await self._reader.start()

    async def stop(self) -> None:
        await self._reader.stop()

    async def partitions(self) -> list[int]:
        return await self._reader.partitions()

    async def bounds(self, partition: int) -> Bounds:
        return await self._reader.bounds(partition)

    def assign(self, positions: Mapping[int, int]) -> None:
        self._reader.assign(positions)

    async def poll(self, max_records: int, timeout: float) -> Mapping[int, Sequence[Record]]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._factor * max(0.0, loop.time() - self._brought))
        found = await self._reader.poll(max_records, timeout)
        self._brought = loop.time() if found else float("inf")
        return found

    def position(self, partition: int) -> int:
        return self._reader.position(partition)
