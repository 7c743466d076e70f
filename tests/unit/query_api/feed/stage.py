"""The feed over a live book that traffic of the real engine is folded into, with sockets that are lists."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from libs.access.signatures import Signatures
from libs.events.codec import encode
from libs.events.events import AnyEvent
from libs.kafka.memory import Broker, MemoryLog
from libs.read_model.bootstrap import Books
from libs.read_model.database import Postgres
from libs.service.clock import VirtualClock
from libs.service.process import Process
from services.query_api.feed.feed import Feed
from services.query_api.feed.session import Session
from services.query_api.live import LiveBooks
from services.query_api.progress import Progress
from services.query_api.settings import QueryApiSettings
from tests.unit.read_model.traffic import Traffic
from tests.unit.service.memory_wire import MemoryWire

PRODUCT = "BTC-USD"


class Client(NamedTuple):
    wire: MemoryWire
    session: Session
    feed: Feed

    def say(self, **message: object) -> list[dict[str, Any]]:
        """Send a message; everything that is there to read then."""
        return self.say_text(msgspec.json.encode(message).decode())

    def say_text(self, text: str) -> list[dict[str, Any]]:
        self.feed.take(self.session, text)
        return self.wire.read()

    def subscribe(
        self, *channels: str, product_ids: Sequence[str] = (PRODUCT,), credentials: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        return self.say(type="subscribe", channels=channels, product_ids=product_ids, **(credentials or {}))


class _Followed(NamedTuple):
    """A record of `order-events`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class FeedStage:
    def __init__(self, signatures: Signatures | None = None, seed: int = 1, **limits: object) -> None:
        self.traffic = Traffic(product_id=PRODUCT, seed=seed)
        self.clock = VirtualClock(self.traffic.time)
        settings = msgspec.convert(limits, QueryApiSettings)
        self.process = Process("query_api", settings, structlog.get_logger(), self.clock)
        self.live = LiveBooks(self.process, MemoryLog(Broker()), Progress("the live book", 1), Postgres(""))
        self.live.begin(Books({}, {}, []), [0])
        self.feed = Feed(self.process, self.live, signatures)
        self.live.witness = self.feed
        self._followed = 0
        self.follow()

    def follow(self, *, without: int = 0) -> None:
        """Fold what the traffic has decided since; perhaps without its last events."""
        events: list[AnyEvent] = self.traffic.events[self._followed : len(self.traffic.events) - without]
        records = [
            _Followed("order-events", 0, self._followed + place, 0, None, encode(event), ())
            for place, event in enumerate(events)
        ]
        self._followed += len(events)
        self.live.take(self.live.tails[0], records)

    def go_on(self, commands: int) -> None:
        self.traffic.run(commands)
        self.follow()

    def client(self, account: str = "", key: str = "") -> Client:
        wire = MemoryWire()
        return Client(wire, self.feed.open(wire, account, key), self.feed)

    @property
    def book(self) -> Any:
        return self.traffic.state.products[self.traffic.state.listed[PRODUCT]]
