"""Events of one partition from the log to the next transaction: read once, without a hole, cut only behind a `last`."""

from collections.abc import Sequence
from typing import NamedTuple

from libs.events.codec import Unreadable, decode_event
from libs.events.events import AnyEvent
from libs.kafka.ports import Record
from libs.read_model.positions import Position
from libs.service.failures import Fatal


class BrokenLog(Fatal):
    """The partition cannot be projected: an event is missing or cannot be read. Nothing is ever skipped."""

    def __init__(self, partition: int, offset: int, cause: str) -> None:
        super().__init__(f"order-events/{partition} at offset {offset}: {cause}")
        self.partition = partition


class Piece(NamedTuple):
    """Whole commands of one partition: their events, the bytes these stand in, and the positions before and after."""

    before: Position
    after: Position
    events: Sequence[AnyEvent]
    values: Sequence[bytes]


class Intake:
    """Decoded events that are not in a transaction yet."""

    def __init__(self, position: Position) -> None:
        self._position = position
        self._expected = position.next_seq
        self._events: list[AnyEvent] = []
        self._values: list[bytes] = []
        self._offsets: list[int] = []
        self._complete = 0
        """So many of them, from the first on, are whole commands."""

    @property
    def complete(self) -> int:
        return self._complete

    @property
    def held(self) -> int:
        return len(self._events)

    def feed(self, records: Sequence[Record]) -> None:
        """Raises BrokenLog at the first event that is unreadable or out of order; those before it stay."""
        events, values, offsets = self._events, self._values, self._offsets
        expected = self._expected
        for record in records:
            value = record.value
            if value is None:
                raise self._broken(record, "unreadable: a record without a value")
            try:
                event = decode_event(value)
            except Unreadable as error:
                raise self._broken(record, f"unreadable: {error}") from error
            if event.seq != expected:
                raise self._broken(record, f"event {event.seq} where event {expected} was expected")
            expected += 1
            self._expected = expected
            events.append(event)
            values.append(value)
            offsets.append(record.offset)
            if event.last:
                self._complete = len(events)

    def take(self, limit: int) -> Piece | None:
        """Up to `limit` events, or one command if that alone has more; None when no command is complete."""
        count = self._cut(limit)
        if not count:
            return None
        last = self._events[count - 1]
        before = self._position
        after = Position(before.partition, last.seq + 1, self._offsets[count - 1] + 1, last.command_offset, last.time)
        piece = Piece(before, after, self._events[:count], self._values[:count])
        del self._events[:count], self._values[:count], self._offsets[:count]
        self._complete -= count
        self._position = after
        return piece

    def _cut(self, limit: int) -> int:
        if self._complete <= limit:
            return self._complete
        for count in range(limit, 0, -1):
            if self._events[count - 1].last:
                return count
        return next(count for count in range(limit, self._complete + 1) if self._events[count - 1].last)

    def _broken(self, record: Record, cause: str) -> BrokenLog:
        return BrokenLog(self._position.partition, record.offset, cause)
