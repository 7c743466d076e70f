"""One client of the feed: what it listens to, and what becomes of it when it does not read.

What was written and not yet taken by the network is the socket's queue, and bounded: beyond `feed_socket_bytes` the
client is left out until it has read all of that, and is then told with `resync` that messages are missing. One that
does not catch up in time, or where the settings say so at once, is hung up on. Nothing is ever left out silently.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from libs.service import sockets
from libs.service.problems import SLOW_READER, Kind, Problem
from libs.service.sockets import Wire, text_frame
from services.query_api.feed.channels import Topic
from services.query_api.feed.messages import Error, Message, Subscription, Subscriptions, encoded
from services.query_api.feed.requests import Pair
from services.query_api.settings import QueryApiSettings

AUTHENTICATION_FAILED: Final = "Authentication Failed"
"""As Coinbase says it, and CCXT understands it."""
Laggards: TypeAlias = "list[Session]"


class Session:
    """One socket. Whoever lags tells so by joining the laggards."""

    def __init__(self, wire: Wire, account: str, key: str, settings: QueryApiSettings, laggards: Laggards) -> None:
        self._wire = wire
        self._laggards = laggards
        self._settings = settings
        self._allowance = settings.feed_socket_bytes
        self.account = account
        """Whose orders `user` tells; empty of nobody."""
        self.key = key
        """The id of the API key that proved it, if one did."""
        self.topics: dict[Pair, Topic] = {}
        self.lags = False
        self._second = 0
        self._messages = 0

    def deliver(self, frames: bytes) -> None:
        """Part of a feed. It may be left out, and that is told later."""
        if self.lags:
            return
        if self._wire.waiting > self._allowance:
            self.lags = True
            self._laggards.append(self)
            return
        self._wire.write(frames)

    def send(self, message: Message) -> None:
        """An answer, which is never left out."""
        self._wire.write(text_frame(encoded(message)))

    def greet(self, topics: Iterable[Topic]) -> None:
        """Begin to listen: with a snapshot, where the channel has one, and everything after it."""
        for topic in topics:
            frames = topic.greet()
            self._allowance = max(self._allowance, self._settings.feed_socket_bytes + len(frames))
            self._wire.write(frames)
            topic.listeners[self] = None

    def refuse(self, problem: Problem) -> None:
        kind, detail = problem.kind, problem.detail or problem.kind.meaning
        message = AUTHENTICATION_FAILED if kind.status in {401, 403} else kind.message or kind.title
        self.send(Error(message, detail, kind.code, problem.field or None, kind.retryable))

    def tell_subscriptions(self) -> None:
        named: dict[str, list[str]] = {}
        for channel, product_id in self.topics:
            named.setdefault(channel.value, []).append(product_id)
        self.send(Subscriptions([Subscription(name, [each for each in ids if each]) for name, ids in named.items()]))

    def may_speak(self, second: int) -> bool:
        """Count a message of the client; False for one too many in a second."""
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages <= self._settings.feed_messages_per_s

    def caught_up(self) -> bool:
        """Whether all that was written has been read."""
        return self._wire.waiting == 0

    def hang_up(self, code: int, reason: str) -> None:
        self._wire.hang_up(code, reason)

    def end(self, kind: Kind = SLOW_READER) -> None:
        """For what a client did that no answer mends."""
        self._wire.hang_up(sockets.TRY_AGAIN_LATER if kind.retryable else sockets.POLICY_VIOLATION, kind.code)
