"""The log on Kafka: what a composition root makes once and hands to its loops."""

from libs.kafka.bookmarks import KafkaBookmarks
from libs.kafka.group import KafkaGroupReader
from libs.kafka.limits import Limits
from libs.kafka.ports import Bookmarks, GroupReader, LogReader, Publisher, TransactionalWriter
from libs.kafka.publisher import KafkaPublisher
from libs.kafka.reader import KafkaLogReader
from libs.kafka.untyped import Connection
from libs.kafka.writer import KafkaTransactionalWriter

_DEFAULTS = Limits()


class KafkaLog:
    """Makes clients of one cluster. Each has connections of its own, so one that hangs holds up no other.

    Its methods must be called in a running event loop, which the clients then belong to.
    """

    def __init__(self, bootstrap: str, client_id: str, limits: Limits = _DEFAULTS) -> None:
        self._connection = Connection(bootstrap, client_id, limits)

    def reader(self, topic: str, *, committed: bool = True) -> LogReader:
        return KafkaLogReader(self._connection, topic, committed=committed)

    def group(self, topic: str, group: str, instance: str | None = None, *, committed: bool = True) -> GroupReader:
        return KafkaGroupReader(self._connection, topic, group, instance, committed=committed)

    def transactional_writer(self, transactional_id: str) -> TransactionalWriter:
        return KafkaTransactionalWriter(self._connection, transactional_id)

    def publisher(self) -> Publisher:
        return KafkaPublisher(self._connection)

    def bookmarks(self, name: str) -> Bookmarks:
        return KafkaBookmarks(self._connection, name)
