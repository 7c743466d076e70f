"""One process's view of an in-memory log."""

from libs.kafka.memory.bookmarks import MemoryBookmarks
from libs.kafka.memory.broker import Broker
from libs.kafka.memory.readers import MemoryGroupReader, MemoryLogReader
from libs.kafka.memory.writers import MemoryPublisher, MemoryTransactionalWriter
from libs.kafka.ports import Bookmarks, GroupReader, LogReader, Publisher, TransactionalWriter


class MemoryLog:
    """Logs with the same broker are processes on the same cluster.

    `crash` is what the rest of the world notices of a process that dies: its members fall silent, and what its writers
    left open stays open until it is fenced or times out. Its tasks are the caller's to cancel.
    """

    def __init__(self, broker: Broker | None = None) -> None:
        self.broker = broker or Broker()
        self._members: list[MemoryGroupReader] = []

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        return MemoryLogReader(self.broker, topic, committed=committed)

    def group(self, topic: str, group: str, instance: str | None = None, *, committed: bool = True) -> GroupReader:
        member = MemoryGroupReader(self.broker, topic, group, instance, committed=committed)
        self._members.append(member)
        return member

    def transactional_writer(self, transactional_id: str) -> TransactionalWriter:
        return MemoryTransactionalWriter(self.broker, transactional_id)

    def publisher(self) -> Publisher:
        return MemoryPublisher(self.broker)

    def bookmarks(self, name: str) -> Bookmarks:
        return MemoryBookmarks(self.broker, name)

    def crash(self) -> None:
        """The process is dead, or stuck until `recover`."""
        for member in self._members:
            member.fall_silent()

    def recover(self) -> None:
        """It was only stuck: heartbeats come again, perhaps too late."""
        for member in self._members:
            member.speak()
