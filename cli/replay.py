"""`outcry replay FILE --core`: a recorded market through the engine alone, in this process.

Nothing of it depends on a clock or on chance: the same file gives the same events and the same state, so two builds can
be compared by one hash. Reading and turning rows into commands is not counted as the engine's time.
"""

import hashlib
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from libs.book.ladder import Ladder
from libs.book.product import ProductBook
from libs.book.snapshot import state_hash
from libs.events import ids
from libs.events.codec import encode
from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, ListProduct, PlaceOrder, SetTradingStatus
from libs.events.decimals import places, to_integer, to_text
from libs.events.events import AnyEvent, OrderRejected, TradeExecuted
from libs.events.values import NO_ID, OrderType, Side, TimeInForce, TradingStatus
from libs.matching.engine import Engine
from sim.live import Live
from sim.market_by_order import NoRecording, Row, Source
from sim.plan import account

PARTITION: Final = 0
PIECE_ROWS: Final = 5_000
"""Rows that are turned into commands before the engine gets them."""
OPERATOR: Final = "operator"
_MILLISECOND: Final = 1_000_000
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}

Head = tuple[bytes, str, int, bytes, str, int, int, int, None]


class Outcome(NamedTuple):
    """What became of a market in the engine. `seconds` is processor time inside the engine."""

    commands: int
    events: int
    trades: int
    rejected: int
    """Orders that were not accepted."""
    resting: int
    best_bid: str
    best_ask: str
    events_hash: str
    state_hash: str
    seconds: float

    def lines(self) -> list[str]:
        """For a person; all but the first are the same in every run."""
        rate = self.commands / self.seconds if self.seconds else 0.0
        return [
            f"{self.commands:,} commands in {self.seconds:.2f} s of processor time: {rate:,.0f} a second",
            f"{self.events:,} events, {self.trades:,} trades, {self.rejected:,} orders rejected",
            f"{self.resting:,} orders rest; bid {self.best_bid or '-'}, ask {self.best_ask or '-'}",
            f"events {self.events_hash}",
            f"state  {self.state_hash}",
        ]


class Core:
    """One product in an engine of its own."""

    def __init__(self, source: Source, product: str | None) -> None:
        self._source = source
        self._price_scale = places(source.price_increment)
        self._size_scale = places(source.size_increment)
        self._engine = Engine(PARTITION)
        self._product = product or source.product
        self._offset = -1
        self._number = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self._events = self._trades = self._rejected = 0
        self._seconds = 0.0

    def run(self, limit: int | None, live: Live) -> Outcome:
        """Raises NoRecording."""
        rows = iter(self._source.rows(limit))
        first = next(rows, None)
        if first is None:
            raise NoRecording("The file holds nothing to replay.")
        self._count(self._engine.adopt_rules())
        self._handle([(self._listing(first.time), first.time)])
        self._number = next(iter(self._engine.state.products), 0)
        if not self._number:
            raise NoRecording(f"{self._product} cannot be listed: BTC-USD is how a product is named.")
        piece = [first, *islice(rows, PIECE_ROWS)]
        while piece:
            self._replay(piece)
            live.show(f"replay | {self._offset:,} commands | {self._trades:,} trades")
            piece = list(islice(rows, PIECE_ROWS))
        live.close()
        return self._outcome()

    def _replay(self, piece: list[Row]) -> None:
        """A change needs to know what is filled by then, so it is made when everything before it is decided."""
        ready: list[tuple[AnyCommand, int]] = []
        for row in piece:
            if row.action == "changed":
                self._handle(ready)
                ready = []
            command = self._command(row, self._offset + len(ready) + 1)
            if command is not None:
                ready.append((command, row.time))
        self._handle(ready)

    def _handle(self, ready: list[tuple[AnyCommand, int]]) -> None:
        handle, offset = self._engine.handle, self._offset
        decided: list[list[AnyEvent]] = []
        began = time.process_time()
        for command, moment in ready:
            offset += 1
            decided.append(handle(command, offset, moment * _MILLISECOND))
        self._seconds += time.process_time() - began
        self._offset = offset
        for events in decided:
            self._count(events)

    def _count(self, events: list[AnyEvent]) -> None:
        self._events += len(events)
        for event in events:
            self._hash.update(encode(event))
            kind = type(event)
            self._trades += kind is TradeExecuted
            self._rejected += kind is OrderRejected

    def _command(self, row: Row, offset: int) -> AnyCommand | None:
        """None for an order of no size, which no exchange takes."""
        if row.action == "status":
            head = self._head(offset, OPERATOR, "", row.time)
            return SetTradingStatus(*head, TradingStatus[row.order.upper()])
        head = self._head(offset, account(row.order), row.order, row.time)
        if row.action == "deleted":
            return CancelOrder(*head)
        size = to_integer(row.volume, self._size_scale)
        if row.action in {"changed", "reduced"}:
            total = size + self._filled(row.order) if row.action == "changed" else size
            return AmendOrder(*head, None, total) if total else None
        return self._place(row, head, size) if size else None

    def _place(self, row: Row, head: Head, size: int) -> PlaceOrder:
        command_id, who, number, _, name, _, sent, _, _ = head
        force = TimeInForce.IOC if row.action == "taken" else TimeInForce.GTC
        price = to_integer(row.price, self._price_scale) if row.price else 0
        return PlaceOrder(
            command_id, who, number, command_id, name, ids.key_digest(who, number, name), sent, 0, None,
            _SIDES[row.side], OrderType.LIMIT if row.price else OrderType.MARKET, price, size, 0, force,
        )  # fmt: skip

    def _head(self, offset: int, who: str, name: str, moment: int) -> Head:
        """Ids are made of the time and the offset."""
        return ids.mint(moment, offset, self._number), who, self._number, NO_ID, name, 0, moment * _MILLISECOND, 0, None

    def _listing(self, moment: int) -> ListProduct:
        base, _, quote = self._product.partition("-")
        head = (ids.mint(moment, 0, 0), OPERATOR, 0, NO_ID, "", 0, moment * _MILLISECOND, 0, None)
        return ListProduct(*head, self._product, base, quote or "USD", self._price_scale, self._size_scale, 1, 1)

    def _filled(self, order: str) -> int:
        found = self._book.find(account(order), NO_ID, order)
        return 0 if found is None else found.filled

    @property
    def _book(self) -> ProductBook:
        return self._engine.state.products[self._number]

    def _outcome(self) -> Outcome:
        book = self._book
        return Outcome(
            self._offset + 1,
            self._events,
            self._trades,
            self._rejected,
            len(book.orders),
            self._best(book.bids),
            self._best(book.asks),
            self._hash.hexdigest(),
            state_hash(self._engine.state),
            self._seconds,
        )

    def _best(self, ladder: Ladder) -> str:
        level = ladder.best
        return "" if level is None else to_text(level.price, self._price_scale)


def tallied(source: Source) -> Iterator[str]:
    """What was inferred and passed over."""
    for kind, count in sorted(source.tally.items()):
        if count:
            yield f"{count:,} {kind}"
