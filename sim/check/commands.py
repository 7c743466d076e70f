"""`orders` of one partition: what was asked, in little memory."""

from array import array
from collections.abc import Sequence
from typing import Final

from libs.events.codec import Unreadable, decode_command
from libs.events.commands import AnyCommand
from libs.kafka.ports import Record
from sim.check.difference import Difference, same

_MILLISECOND: Final = 1_000_000


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

    def command(self, offset: int) -> AnyCommand:
        value = bytes(self._values[self._ends[offset] : self._ends[offset + 1]])
        try:
            command: AnyCommand = decode_command(value)
        except Unreadable as error:
            raise Difference(f"orders/{self._partition}:{offset} is unreadable: {error}") from error
        return command

    def identity(self, offset: int) -> bytes:
        return self.command(offset).command_id

    def appended(self, offset: int) -> int:
        """ns."""
        return self._times[offset] * _MILLISECOND
