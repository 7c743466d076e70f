"""The channels of the feed by name, and one channel of one product with those who listen to it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from libs.service.sockets import text_frame


class Channel(StrEnum):
    HEARTBEAT = "heartbeat"
    STATUS = "status"
    TICKER = "ticker"
    TICKER_BATCH = "ticker_batch"
    LEVEL2 = "level2"
    LEVEL2_BATCH = "level2_batch"
    FULL = "full"
    MATCHES = "matches"
    USER = "user"


class Listener(Protocol):
    """Who is sent what a topic has to say."""

    def deliver(self, frames: bytes) -> None: ...


class Topic:
    """A channel of a product; of `user`, of one account in it. What is posted goes out with the next flush, to all alike."""

    __slots__ = ("_dirty", "_frames", "channel", "greet", "listeners", "product_id", "sequence")

    def __init__(
        self, channel: Channel, product_id: str, dirty: "list[Topic]", greet: Callable[[], bytes], sequence: Callable[[], int]
    ) -> None:  # fmt: skip
        self.channel = channel
        self.product_id = product_id
        self.greet = greet
        """Messages for who begins to listen, as frames: with them it has all that was posted before."""
        self.sequence = sequence
        self.listeners: dict[Listener, None] = {}
        self._dirty = dirty
        self._frames: list[bytes] = []

    def post(self, message: bytes) -> None:
        """Framed once, whoever listens."""
        if not self._frames:
            self._dirty.append(self)
        self._frames.append(text_frame(message))

    def flush(self) -> None:
        if not self._frames:
            return
        frames = b"".join(self._frames)
        self._frames.clear()
        for listener in self.listeners:
            listener.deliver(frames)

    def forget(self) -> None:
        """What was posted and not sent yet is not sent at all."""
        self._frames.clear()
