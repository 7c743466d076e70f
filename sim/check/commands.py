"""`orders` of one partition: what was asked, in little memory."""

from array import array
from collections.abc import Sequence
from typing import Final

from libs.events.codec import Unreadable, decode_command, decode_envelope
from libs.events.commands import AnyCommand, Envelope
from libs.events.values import NO_ID
from libs.kafka.ports import Record
from sim.check.difference import Difference, same

_MILLISECOND: Final = 1_000_000
NOBODY: Final = Envelope(0, NO_ID, "", 0, NO_ID, "", 0, 0, 0, None)
"""Of bytes that hold no command."""


class Commands:
    """As they stand on the wire, with their append times. Nothing transactional is written to `orders`, so the offsets
    have no hole."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._values = bytearray()
        self._ends = array("q", [0])
        self._times = array("q")

    def __len__(self) -> int:
        return len(self._times)

    def add(self, records: Sequence[Record]) -> None:
        for record in records:
            same(f"orders/{self._partition}: offset of the next command", len(self), record.offset)
            self._values += record.value or b""
            self._ends.append(len(self._values))
            self._times.append(record.timestamp)

    def command(self, offset: int) -> AnyCommand | Envelope:
        """As much as can be read: the envelope of a later version's command; of what has none, nobody's."""
        try:
            command: AnyCommand = decode_command(self._value(offset))
        except Unreadable:
            pass
        else:
            return command
        try:
            return self.envelope(offset)
        except Difference:
            return NOBODY

    def envelope(self, offset: int) -> Envelope:
        try:
            return decode_envelope(self._value(offset))
        except Unreadable as error:
            raise Difference(f"orders/{self._partition}:{offset} has no envelope: {error}") from error

    def _value(self, offset: int) -> bytes:
        return bytes(self._values[self._ends[offset] : self._ends[offset + 1]])

    def identity(self, offset: int) -> bytes:
        return self.command(offset).command_id

    def appended(self, offset: int) -> int:
        """ns."""
        return self._times[offset] * _MILLISECOND
