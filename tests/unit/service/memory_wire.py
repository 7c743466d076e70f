"""A socket's wire that keeps what is written, for a client that parses it as a browser does."""

from typing import Any

import msgspec
from websockets.frames import Opcode
from websockets.protocol import OPEN, Protocol, Side


class MemoryWire:
    """Takes frames as a browser would. `reads` False is a client that reads nothing any more."""

    def __init__(self) -> None:
        self.reads = True
        self.waiting = 0
        self.closed: tuple[int, str] | None = None
        self._client = Protocol(Side.CLIENT, state=OPEN, max_size=None)
        self._kept: list[bytes] = []

    @property
    def is_open(self) -> bool:
        return self.closed is None

    def write(self, frames: bytes) -> None:
        if self.closed is None:
            self._kept.append(frames)
            self.waiting += len(frames)

    def hang_up(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def read(self) -> list[dict[str, Any]]:
        """Everything that was written since the last time."""
        for frames in self._kept:
            self._client.receive_data(frames)
        self._kept.clear()
        self.waiting = 0
        found = []
        for frame in self._client.events_received():
            assert getattr(frame, "opcode", None) is Opcode.TEXT
            found.append(msgspec.json.decode(frame.data))  # type: ignore[union-attr]  # a frame, as it has an opcode
        return found
