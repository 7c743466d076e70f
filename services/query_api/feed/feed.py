"""All feeds of this process: fed by the live book command by command, listened to by sockets.

The live book says what happens, in whole commands; after each stretch of them `flush` sends what came of it, each message
made once. Snapshots, subscriptions and changes are of one loop and one book, so no change falls between them.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from libs.access.scopes import Scope
from libs.access.signatures import Signatures
from libs.book.fold import Broken
from libs.book.partition import PartitionState
from libs.events.events import PRODUCT_EVENTS, AnyEvent, ProductListed
from libs.events.ids import partition_of
from libs.service import problems, sockets
from libs.service.clock import NANOSECONDS
from libs.service.metrics import Counter
from libs.service.problems import NOT_READY, PRODUCT_NOT_FOUND, RATE_LIMITED, TOO_MANY_SUBSCRIPTIONS, Problem
from libs.service.process import Process
from libs.service.sockets import Closing, Wire, text_frame
from services.query_api import views
from services.query_api.feed.channels import Channel, Topic
from services.query_api.feed.messages import Reason, Resync, StatusMessage, encoded
from services.query_api.feed.product_feed import ProductFeed, Sources
from services.query_api.feed.requests import (
    Pair,
    Request,
    Subscribe,
    Unsubscribe,
    credentials,
    parse,
    subscribed,
    unsubscribed,
)
from services.query_api.feed.session import Session
from services.query_api.live import LiveBooks
from services.query_api.settings import QueryApiSettings
from services.query_api.texts import iso

_TOLD_AGAIN: Final = frozenset((Channel.LEVEL2, Channel.LEVEL2_BATCH, Channel.FULL, Channel.MATCHES, Channel.USER))
"""Channels from which a client builds something, so that what was left out must be told."""


class Feed:
    def __init__(self, process: Process[QueryApiSettings], live: LiveBooks, signatures: Signatures | None) -> None:
        self._process = process
        self._settings = process.settings
        self._live = live
        self._signatures = signatures
        self._dirty: list[Topic] = []
        self._sources = Sources(live.ticker, self._engine_time, process.clock.now)
        self._products: dict[str, ProductFeed] = {}
        """Those that somebody listens to."""
        self._numbers: dict[int, ProductFeed] = {}
        self._moved: dict[int, ProductFeed] = {}
        """What the command that is happening concerns, by number."""
        self._status = Topic(Channel.STATUS, "", self._dirty, self._status_now, int)
        self._status_changed = False
        self.sessions: dict[Session, None] = {}
        self._laggards: list[Session] = []
        """Who has just begun to lag."""
        self._lagging: dict[Session, float] = {}
        """Since when."""
        self._stopping = False
        process.metrics.gauge("websocket_connections", "Sockets that are open", lambda: float(len(self.sessions)))
        self._resyncs = {reason: self._counter(reason) for reason in ("slow_reader", "partition_stopped", "hung_up")}

    def _counter(self, reason: str) -> Counter:
        words = "Sockets told that messages were left out, or hung up on for it"
        return self._process.metrics.counter("feed_resyncs_total", words, reason=reason)

    # What the live book says.

    def happens(self, state: PartitionState, event: AnyEvent) -> None:
        if isinstance(event, PRODUCT_EVENTS):
            self._status_changed = True
        number = event.number
        feed = self._numbers.get(number)
        try:
            if feed is not None:
                feed.happens(event)
            elif isinstance(event, ProductListed) and event.product.product_id in self._products:
                feed = self._numbers[number] = self._products[event.product.product_id]
                feed.listed(event)
            else:
                return
        except KeyError as missing:
            kind = type(event).__name__
            raise Broken(f"event {event.seq} ({kind}) names {missing}, which is not there") from None
        self._moved[number] = feed

    def happened(self, state: PartitionState) -> None:
        for number, feed in self._moved.items():
            book = state.products.get(number)
            if book is None:
                del self._numbers[number]
            feed.happened(book or feed.book, state.time)
        self._moved.clear()

    def flush(self) -> None:
        for topic in self._dirty:
            topic.flush()
        self._dirty.clear()

    def stopped(self, partition: int) -> None:
        """Nothing will come of this partition's products any more; its books may be half changed."""
        self._moved.clear()
        for session in self.sessions:
            gone = [pair for pair in session.topics if self._partition(pair.product_id) == partition]
            for pair in gone:
                topic = session.topics[pair]
                topic.forget()
                self._say_resync(session, topic, "partition_stopped")
            self._leave(session, gone)

    def _partition(self, product_id: str) -> int:
        lives = self._live.lives(product_id)
        return lives[-1].partition if lives else -1

    # What sockets ask.

    @property
    def full(self) -> bool:
        return self._stopping or len(self.sessions) >= self._settings.feed_sockets

    def open(self, wire: Wire, account: str, key: str) -> Session:
        session = Session(wire, account, key, self._settings, self._laggards)
        self.sessions[session] = None
        return session

    def close(self, session: Session) -> None:
        self.sessions.pop(session, None)
        self._lagging.pop(session, None)
        self._leave(session, list(session.topics))

    def take(self, session: Session, text: str) -> None:
        """A message of a client."""
        if not session.may_speak(self._process.clock.now() // NANOSECONDS):
            session.end(RATE_LIMITED)
        elif session.lags:
            session.end()
        else:
            try:
                self._do(session, parse(text))
            except Problem as problem:
                session.refuse(problem)

    def _do(self, session: Session, request: Request) -> None:
        if isinstance(request, Unsubscribe):
            self._unsubscribe(session, request)
            session.tell_subscriptions()
            return
        self._identify(session, request)
        wanted = self._wanted(session, request)
        topics = [self._topic(session, pair) for pair in wanted]
        session.topics.update(zip(wanted, topics, strict=True))
        session.tell_subscriptions()
        session.greet(topics)

    def _identify(self, session: Session, request: Subscribe) -> None:
        given = credentials(request)
        if given is None:
            return
        if self._signatures is None:
            raise Problem(problems.INVALID_API_KEY, "no API keys are known here", "key")
        key = self._signatures.check_subscription(given)
        if Scope.VIEW not in key.scopes:
            raise Problem(problems.INSUFFICIENT_SCOPE, f"this needs the scope {Scope.VIEW}", "key")
        if session.account not in {"", key.account} and self._has_user(session):
            raise Problem(problems.FOREIGN_ACCOUNT, f"this socket is of {session.account!r}; open another one", "key")
        session.account, session.key = key.account, key.id

    def _has_user(self, session: Session) -> bool:
        return any(pair.channel is Channel.USER for pair in session.topics)

    def _wanted(self, session: Session, request: Subscribe) -> list[Pair]:
        """What is subscribed anew: all of it can be, or nothing is."""
        most = self._settings.feed_subscriptions
        wanted: dict[Pair, None] = {}
        for pair in subscribed(request):
            if pair in session.topics or pair in wanted:
                continue
            if len(session.topics) + len(wanted) >= most:
                raise Problem(TOO_MANY_SUBSCRIPTIONS, f"{most} is the limit of a socket", "channels")
            self._check(session, pair)
            wanted[pair] = None
        return list(wanted)

    def _check(self, session: Session, pair: Pair) -> None:
        if pair.channel is Channel.USER and not session.account:
            raise Problem(problems.AUTHENTICATION_REQUIRED, "user tells an account's orders", "channels")
        if pair.channel is Channel.STATUS:
            return
        if not self._live.loaded:
            raise Problem(NOT_READY, "the books are not loaded yet")
        lives = self._live.lives(pair.product_id)
        if not lives or self._live.book(lives[-1]) is None:
            raise Problem(PRODUCT_NOT_FOUND, f"{pair.product_id[:64]!r} is not a valid product", "product_ids")
        stopped = self._live.tails[lives[-1].partition].stopped
        if stopped:
            raise Problem(NOT_READY, f"partition {lives[-1].partition} is stopped: {stopped}", "product_ids")

    def _topic(self, session: Session, pair: Pair) -> Topic:
        if pair.channel is Channel.STATUS:
            return self._status
        product_id = pair.product_id
        feed = self._products.get(product_id)
        if feed is None:
            book = self._live.book(self._live.lives(product_id)[-1])
            assert book is not None, "it was checked"
            feed = self._products[product_id] = ProductFeed(book, self._sources, self._dirty)
            self._numbers[book.number] = feed
        return feed.user(session.account) if pair.channel is Channel.USER else feed.topics[pair.channel]

    def _unsubscribe(self, session: Session, request: Unsubscribe) -> None:
        for channel, product_ids in unsubscribed(request):
            gone = [
                pair
                for pair in session.topics
                if pair.channel is channel and (product_ids is None or pair.product_id in product_ids)
            ]
            self._leave(session, gone)

    def _leave(self, session: Session, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            session.topics.pop(pair).listeners.pop(session, None)
            feed = self._products.get(pair.product_id)
            if feed is not None:
                feed.left()
                if feed.idle:
                    del self._products[pair.product_id]
                    self._numbers = {number: each for number, each in self._numbers.items() if each is not feed}

    # What the clock says.

    async def run(self, stop: asyncio.Event) -> None:
        """Batches, heartbeats and slow readers, until told to stop; then a notice to everybody, and the end."""
        batch_s = self._settings.feed_batch_ms / 1000
        loop = asyncio.get_running_loop()
        beat = loop.time()
        ticker_at = beat
        while not stop.is_set():
            await asyncio.sleep(batch_s)
            now = loop.time()
            self.tell_batches()
            self.look_at_slow(now)
            if now >= beat:
                beat = max(beat + 1, now)
                self.beat()
            if now >= ticker_at:
                ticker_at = now + self._settings.feed_ticker_batch_ms / 1000
                self.tell_ticker_batches()
        await self._say_goodbye()

    def tell_batches(self) -> None:
        for feed in self._products.values():
            feed.tell_batch()

    def tell_ticker_batches(self) -> None:
        for feed in self._products.values():
            feed.tell_ticker_batch()
        self.flush()

    def beat(self) -> None:
        """Once a second."""
        for feed in self._products.values():
            feed.tell_heartbeat()
        if self._status_changed:
            self._status_changed = False
            if self._status.listeners:
                self._status.post(self._status_message())
        self.flush()
        self._look_at_keys()

    def look_at_slow(self, now: float) -> None:
        """Who reads too slowly is left out; who has caught up is told so."""
        for session in self._laggards:
            if self._settings.feed_overflow == "close":
                self._hang_up(session)
            else:
                self._lagging[session] = now
        self._laggards.clear()
        for session, since in list(self._lagging.items()):
            if session.caught_up():
                self._begin_anew(session)
            elif now - since > self._settings.feed_stall_ms / 1000:
                self._hang_up(session)

    def _begin_anew(self, session: Session) -> None:
        del self._lagging[session]
        session.lags = False
        for topic in session.topics.values():
            if topic.channel in _TOLD_AGAIN:
                self._say_resync(session, topic, "slow_reader")
            session.greet((topic,))

    def _say_resync(self, session: Session, topic: Topic, reason: Reason) -> None:
        self._resyncs[reason].add()
        time = iso(self._process.clock.now())
        session.send(Resync(topic.channel, topic.product_id, topic.sequence(), reason, time))

    def _hang_up(self, session: Session) -> None:
        self._lagging.pop(session, None)
        self._resyncs["hung_up"].add()
        session.end()

    def _look_at_keys(self) -> None:
        """A key that was revoked, or has expired, ends its sockets."""
        if self._signatures is None:
            return
        now = self._process.clock.now()
        for session in self.sessions:
            if session.key:
                key = self._signatures.ring.find(session.key)
                if key is None or 0 < key.expires <= now:
                    session.end(problems.INVALID_API_KEY)

    async def _say_goodbye(self) -> None:
        self._stopping = True
        after_ms = self._settings.feed_notice_ms
        notice = text_frame(encoded(Closing(after_ms)))
        for session in self.sessions:
            session.deliver(notice)
        if self.sessions:
            await asyncio.sleep(after_ms / 1000)
        for session in self.sessions:
            session.hang_up(sockets.RESTART, "restart")

    # What feeds ask.

    def _engine_time(self, number: int) -> int:
        return self._live.tails[partition_of(number)].state.time

    def _status_now(self) -> bytes:
        return text_frame(self._status_message())

    def _status_message(self) -> bytes:
        products = self._live.products() if self._live.loaded else []
        names = sorted({name for each in products for name in (each.base_currency, each.quote_currency)})
        return encoded(StatusMessage([views.product(each) for each in products], [{"id": name} for name in names]))
