"""Bookmarks in memory: where the broker keeps the offsets of groups."""

from libs.kafka.memory.broker import Broker
from libs.kafka.ports import InputOffset


class MemoryBookmarks:
    """Of one name."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._broker = broker
        self._name = name

    async def start(self) -> None:
        self._broker.reachable()

    async def get(self, topic: str, partition: int) -> int | None:
        self._broker.reachable()
        return self._broker.committed(self._name, topic, partition)

    async def put(self, topic: str, partition: int, offset: int) -> None:
        self._broker.reachable()
        self._broker.commit_offset(InputOffset(self._name, topic, partition, offset))

    async def close(self) -> None:
        """Nothing is held."""
