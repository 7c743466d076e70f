"""The feeds of one product: each message made and framed once, and only where somebody listens.

`happens` is told every event before it is folded, `happened` the end of each command. So whatever is posted is of whole
commands, and a snapshot made between two of them has the sequence that the next change builds on.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from libs.book.ladder import Level
from libs.book.product import ProductBook
from libs.events.decimals import to_text
from libs.events.events import AnyEvent, ProductListed, TradeExecuted
from libs.service.sockets import text_frame
from services.query_api.feed import facts, levels
from services.query_api.feed.channels import Channel, Topic
from services.query_api.feed.messages import (
    Heartbeat,
    L2Update,
    LastMatch,
    Match,
    OrderMessage,
    SideName,
    Snapshot,
    TickerMessage,
    encoded,
)
from services.query_api.texts import iso
from services.query_api.ticker import Ticker

_SHARED: Final[tuple[Channel, ...]] = tuple(
    channel for channel in Channel if channel not in {Channel.STATUS, Channel.USER}
)


class Sources(NamedTuple):
    """Where a product's feeds find what events do not say."""

    ticker: Callable[[int], Ticker]
    engine_time: Callable[[int], int]
    """Of a product's partition."""
    now: Callable[[], int]


class ProductFeed:
    def __init__(self, book: ProductBook, sources: Sources, dirty: list[Topic]) -> None:
        self.product_id = product_id = book.product.product_id
        self.book = book
        """Of the present life or, of a delisted product, of the last one."""
        self._sources = sources
        self._dirty = dirty
        greetings = {
            Channel.LEVEL2: self._snapshot,
            Channel.LEVEL2_BATCH: self._batch_snapshot,
            Channel.TICKER: self._ticker_now,
            Channel.TICKER_BATCH: self._ticker_now,
            Channel.MATCHES: self._last_match,
        }
        self.topics: dict[Channel, Topic] = {
            channel: Topic(channel, product_id, dirty, greetings.get(channel, _nothing), self.sequence)
            for channel in _SHARED
        }
        self.users: dict[str, Topic] = {}
        """By account."""
        self._time = 0
        self._time_text = ""
        self._before: int | None = None
        """The sequence before the command that is happening; None between two commands."""
        self._touched: dict[levels.Place, None] = {}
        self._batched: dict[levels.Place, None] = {}
        self._batched_from = 0
        self._checksum: levels.Checksum | None = None
        self._traded = False
        self._told_top: tuple[int, int, int, int] = (0, 0, 0, 0)
        self._side: SideName | UnsetType = UNSET
        """The taker's, of the last trade."""
        self._latest_match: Match | None = None
        self._ticker_sent = 0
        self._snapshot_made: tuple[int, bytes] | None = None

    # Who listens.

    def user(self, account: str) -> Topic:
        topic = self.users.get(account)
        if topic is None:
            topic = self.users[account] = Topic(Channel.USER, self.product_id, self._dirty, _nothing, self.sequence)
        return topic

    @property
    def idle(self) -> bool:
        """Nobody listens to anything."""
        return not self.users and not any(topic.listeners for topic in self.topics.values())

    def left(self) -> None:
        """Somebody stopped listening: forget what is kept for nobody."""
        self.users = {account: topic for account, topic in self.users.items() if topic.listeners}
        if not self._wants(Channel.LEVEL2) and not self._wants(Channel.LEVEL2_BATCH):
            self._checksum = None
            self._snapshot_made = None
        if not self._wants(Channel.LEVEL2_BATCH):
            self._batched.clear()

    def _wants(self, channel: Channel) -> bool:
        return bool(self.topics[channel].listeners)

    # What happens.

    def sequence(self) -> int:
        return self.book.sequence

    def happens(self, event: AnyEvent) -> None:
        """An event that is about to be folded."""
        book = self.book
        if self._before is None:
            self._before = book.sequence
        trade = type(event) is TradeExecuted
        if self.users or self._wants(Channel.FULL) or (trade and self._wants(Channel.MATCHES)):
            self._tell(event)
        if self._checksum is not None:
            place = levels.touched(book, event)
            if place is not None:
                self._touched[place] = None
        if type(event) is TradeExecuted:
            self._traded, self._side = True, facts.SIDES[event.taker_side]

    def listed(self, event: ProductListed) -> None:
        """A life begins, with the counters of the one before."""
        self._before = event.sequence - 1
        self._checksum = None
        if self._wants(Channel.FULL):
            self.topics[Channel.FULL].post(encoded(facts.listed(event, self._text(event.time))))

    def happened(self, book: ProductBook, time: int) -> None:
        """The command is complete, and all of it folded. The book is another one where the product was listed anew."""
        self.book = book
        before, self._before = self._before, None
        assert before is not None, "something happened"
        if book.sequence != before:
            if self._wants(Channel.LEVEL2) or self._wants(Channel.LEVEL2_BATCH):
                self._tell_levels(before, time)
            if self._wants(Channel.TICKER):
                self._tell_ticker(time)
        self._touched.clear()
        self._traded = False

    def _tell(self, event: AnyEvent) -> None:
        public, private = facts.tell(self.book, event, self._text(event.time), self.users)
        if public is not None:
            self._tell_everybody(public)
        for account, message in private:
            topic = self.users.get(account)
            if topic is not None:
                topic.post(encoded(message))

    def _tell_everybody(self, message: OrderMessage) -> None:
        wanted: tuple[Channel, ...] = (Channel.FULL,)
        if isinstance(message, Match):
            self._latest_match = message
            wanted = (Channel.FULL, Channel.MATCHES)
        heard = [self.topics[channel] for channel in wanted if self._wants(channel)]
        payload = encoded(message) if heard else b""
        for topic in heard:
            topic.post(payload)

    def _tell_levels(self, before: int, time: int) -> None:
        self._sum().update(self.book, self._touched)
        if self._wants(Channel.LEVEL2_BATCH):
            self._batched.update(self._touched)
        if self._wants(Channel.LEVEL2):
            self._post_update(Channel.LEVEL2, before, self._touched, time)

    def _post_update(self, channel: Channel, before: int, places: dict[levels.Place, None], time: int) -> None:
        book = self.book
        changed = levels.changes(book, places)
        message = L2Update(self.product_id, book.sequence, before, self._sum().value, changed, self._text(time))
        self.topics[channel].post(encoded(message))

    def _tell_ticker(self, time: int) -> None:
        top = _top(self.book)
        if self._traded or top != self._told_top:
            self.topics[Channel.TICKER].post(self._ticker(time))
        self._told_top = top

    # Beginnings.

    def _snapshot(self) -> bytes:
        book = self.book
        made = self._snapshot_made
        if made is None or made[0] != book.sequence:
            bids, asks = levels.levels(book, book.bids), levels.levels(book, book.asks)
            time = self._text(self._sources.engine_time(book.number))
            message = Snapshot(self.product_id, book.sequence, self._sum().value, bids, asks, time)
            made = self._snapshot_made = (book.sequence, text_frame(encoded(message)))
        return made[1]

    def _batch_snapshot(self) -> bytes:
        """What was gathered goes out first, to those who had a snapshot before."""
        self.tell_batch()
        return self._snapshot()

    def _last_match(self) -> bytes:
        match = self._latest_match
        return text_frame(encoded(LastMatch(**asdict(match)))) if match is not None else b""

    def _ticker_now(self) -> bytes:
        self._told_top = _top(self.book)
        return text_frame(self._ticker(self._sources.engine_time(self.book.number)))

    # By the clock.

    def tell_batch(self) -> None:
        """What came of `level2` since the last time, in one message."""
        if self._wants(Channel.LEVEL2_BATCH) and self.book.sequence != self._batched_from:
            time = self._sources.engine_time(self.book.number)
            self._post_update(Channel.LEVEL2_BATCH, self._batched_from, self._batched, time)
            self.topics[Channel.LEVEL2_BATCH].flush()
        self._batched.clear()
        self._batched_from = self.book.sequence

    def tell_heartbeat(self) -> None:
        if self._wants(Channel.HEARTBEAT):
            message = Heartbeat(self.product_id, self.book.sequence, self.book.trade_id, iso(self._sources.now()))
            self.topics[Channel.HEARTBEAT].post(encoded(message))

    def tell_ticker_batch(self) -> None:
        if self._wants(Channel.TICKER_BATCH) and self.book.sequence != self._ticker_sent:
            self._ticker_sent = self.book.sequence
            self.topics[Channel.TICKER_BATCH].post(self._ticker(self._sources.engine_time(self.book.number)))

    def _ticker(self, time: int) -> bytes:
        book = self.book
        product, kept = book.product, self._sources.ticker(book.number)
        prices, sizes = product.price_scale, product.size_scale
        bid, ask, last = book.bids.best, book.asks.best, kept.last
        message = TickerMessage(
            self.product_id,
            book.sequence,
            self._text(time),
            to_text(bid.price, prices) if bid else UNSET,
            to_text(bid.volume, sizes) if bid else UNSET,
            to_text(ask.price, prices) if ask else UNSET,
            to_text(ask.volume, sizes) if ask else UNSET,
            to_text(kept.volume(self._sources.now()), sizes),
        )
        if last.time:
            price, size = to_text(last.price, prices), to_text(last.size, sizes)
            message = replace(message, price=price, last_size=size, trade_id=book.trade_id, side=self._side)
        return encoded(message)

    def _sum(self) -> levels.Checksum:
        if self._checksum is None:
            self._checksum = levels.Checksum(self.book)
        return self._checksum

    def _text(self, time: int) -> str:
        """A time as text, made once for all that happens at it."""
        if time != self._time:
            self._time, self._time_text = time, iso(time)
        return self._time_text


def _nothing() -> bytes:
    return b""


def _top(book: ProductBook) -> tuple[int, int, int, int]:
    """Best bid and offer."""
    return *_at(book.bids.best), *_at(book.asks.best)


def _at(level: Level | None) -> tuple[int, int]:
    return (level.price, level.volume) if level is not None else (0, 0)
