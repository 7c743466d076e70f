"""The live book: every product's book, folded from the tail of `order-events` on top of what Postgres held at the start.

It moves from the end of one command to the end of the next, in one go, so that nobody ever reads half a command.
Postgres is needed only for the start; a log that is away makes it stand still, and it goes on where it was.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from libs.book.fold import Broken, fold
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.codec import Unreadable, decode_event
from libs.events.events import PRODUCT_EVENTS, AnyEvent, ClusterSizeChanged, TradeExecuted
from libs.events.topics import ORDER_EVENTS
from libs.events.values import Product
from libs.kafka.cluster import agree
from libs.kafka.ports import Log, LogReader, Record
from libs.read_model.bootstrap import Books, LastTrade, follower, read_books
from libs.read_model.database import Database
from libs.read_model.failures import classified
from libs.read_model.positions import Position
from libs.read_model.trades import volumes
from libs.service.failures import Transient
from libs.service.process import Process
from services.query_api.backoff import Backoff
from services.query_api.progress import Progress
from services.query_api.settings import QueryApiSettings
from services.query_api.ticker import BUCKET_NS, DAY_NS, Ticker
from services.query_api.watches import Watches

_NO_TRADE = LastTrade(0, 0, 0)


class Tail:
    """One partition: its state, and the events of a command whose end has not come yet."""

    __slots__ = ("held", "next_offset", "state", "stopped")

    def __init__(self, state: PartitionState, next_offset: int) -> None:
        self.state = state
        self.next_offset = next_offset
        """Of the next record to read."""
        self.held: list[AnyEvent] = []
        self.stopped = ""
        """Why this partition is not followed any more."""


class Witness(Protocol):
    """Who is told what happens, as it is folded: every event before, the end of each command after."""

    def happens(self, state: PartitionState, event: AnyEvent) -> None: ...

    def happened(self, state: PartitionState) -> None: ...

    def flush(self) -> None:
        """A stretch of commands is over."""

    def stopped(self, partition: int) -> None:
        """It is not followed any more; what its last command began does not count."""


class LiveBooks:
    def __init__(self, process: Process[QueryApiSettings], log: Log, progress: Progress, database: Database) -> None:
        self._process = process
        self._settings = process.settings
        self._log = log
        self._progress = progress
        self._database = database
        self._backoff = Backoff(self._settings.backoff_first_ms, self._settings.backoff_last_ms, process.chance)
        self._lives: dict[str, list[Product]] = {}
        """By product id, the newest last, delisted ones included."""
        self._tickers: dict[int, Ticker] = {}
        self._reader: LogReader | None = None
        self.witness: Witness | None = None
        self.tails: dict[int, Tail] = {}
        self.watches = Watches(self._settings.watched_orders)
        self.loaded = False

    def products(self) -> list[Product]:
        """Every product that is listed, by name."""
        return [
            book.product
            for _, book in sorted(
                (book.product.product_id, book) for tail in self.tails.values() for book in tail.state.products.values()
            )
        ]

    def lives(self, product_id: str) -> Sequence[Product]:
        """What has been listed under a name, the newest last."""
        return self._lives.get(product_id, ())

    def book(self, product: Product) -> ProductBook | None:
        """None of a product that is delisted."""
        return self.tails[product.partition].state.products.get(product.number)

    def ticker(self, number: int) -> Ticker:
        found = self._tickers.get(number)
        if found is None:
            found = self._tickers[number] = Ticker(_NO_TRADE)
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop. Raises Fatal for what no pause mends."""
        while not stop.is_set():
            reader = self._log.reader(ORDER_EVENTS)
            try:
                await reader.start()
                self._reader = reader
                try:
                    await self._follow(reader, stop)
                finally:
                    self._reader = None
                    await reader.stop()
            except Transient as failure:
                self._process.log.warning("tail interrupted", cause=str(failure))
                await self._backoff.pause(stop)

    async def ask_log(self) -> None:
        """Raises while the log does not answer."""
        if self._reader is None:
            raise LookupError("not connected")
        await self._reader.bounds(0)

    async def _follow(self, reader: LogReader, stop: asyncio.Event) -> None:
        if not self.loaded:
            await agree(self._log, self._settings.cluster)
            await self._load(await reader.partitions())
        reader.assign({at: tail.next_offset for at, tail in self.tails.items() if not tail.stopped})
        loop, gather_s = asyncio.get_running_loop(), self._settings.tail_gather_ms / 1000
        while not stop.is_set():
            records = await reader.poll(self._settings.tail_records, self._settings.tail_poll_ms / 1000)
            self._backoff.succeeded()
            begun, followed = loop.time(), len(self.tails)
            for partition, batch in records.items():
                await self._take_slices(self.tails[partition], batch)
            if len(self.tails) > followed or any(self.tails[partition].stopped for partition in records):
                reader.assign({at: tail.next_offset for at, tail in self.tails.items() if not tail.stopped})
            if records:
                await asyncio.sleep(max(0.0, begun + gather_s - loop.time()))

    async def _load(self, partitions: Sequence[int]) -> None:
        connection = await self._database.connect("outcry-query-bootstrap", self._settings.query_timeout_ms / 1000)
        try:
            with classified():
                books = await read_books(connection)
                since = self._process.clock.now() - DAY_NS
                traded = await volumes(connection, since, BUCKET_NS)
        finally:
            connection.terminate()
        self.begin(books, partitions)
        for number, bucket, size in sorted(traded):
            self.ticker(number).add(bucket, size)
        self._process.settle()
        self._process.health.ready(True, aspect="books")
        self._process.log.info("books loaded", positions={str(at): tail.state.seq for at, tail in self.tails.items()})

    def begin(self, books: Books, partitions: Sequence[int]) -> None:
        """Partitions that nobody has projected yet begin at the beginning of the log."""
        for partition in partitions:
            state, position = books.states.get(partition), books.positions.get(partition)
            if state is None or position is None:
                position = Position(partition)
                state = follower(position)
            self.tails[partition] = Tail(state, position.next_offset)
            self._progress.advance(partition, state.command_offset)
        for life in books.products:
            self._lives.setdefault(life.product.product_id, []).append(life.product)
            self._tickers[life.product.number] = Ticker(life.last)
        self.loaded = True

    async def _take_slices(self, tail: Tail, records: Sequence[Record]) -> None:
        most = self._settings.tail_slice
        for start in range(0, len(records), most):
            if not tail.stopped:
                self.take(tail, records[start : start + most])
            await asyncio.sleep(0)

    def take(self, tail: Tail, records: Sequence[Record]) -> None:
        """Decode, and fold what are whole commands now."""
        try:
            for record in records:
                event = decode_event(record.value or b"")
                tail.held.append(event)
                tail.next_offset = record.offset + 1
                if event.last:
                    self._fold(tail)
        except (*Unreadable, Broken) as failure:
            tail.stopped = str(failure)
            at = tail.state.partition
            if self.witness is not None:
                self.witness.stopped(at)
            self._process.health.ready(False, str(failure), aspect=f"partition-{at}")
            self._process.log.error("partition stopped", partition=at, cause=str(failure))  # noqa: TRY400  # the message says all
        if self.witness is not None:
            self.witness.flush()
        self._progress.advance(tail.state.partition, tail.state.command_offset)

    def _fold(self, tail: Tail) -> None:
        state, witness = tail.state, self.witness
        for event in tail.held:
            if witness is not None:
                witness.happens(state, event)
            fold(state, event)
            if type(event) is TradeExecuted:
                self.ticker(event.number).traded(event)
            elif isinstance(event, PRODUCT_EVENTS):
                self._know(event.product)
            elif type(event) is ClusterSizeChanged:
                self._follow_all(event.partitions)
        if self.watches:
            self.watches.notice(tail.held)
        tail.held.clear()
        if witness is not None:
            witness.happened(state)

    def _follow_all(self, partitions: int) -> None:
        """The new ones are empty, or so young that they are read from their beginning."""
        for partition in range(partitions):
            if partition not in self.tails:
                self.tails[partition] = Tail(follower(Position(partition)), 0)

    def _know(self, product: Product) -> None:
        lives = self._lives.setdefault(product.product_id, [])
        if lives and lives[-1].number == product.number:
            lives[-1] = product
        else:
            lives.append(product)
