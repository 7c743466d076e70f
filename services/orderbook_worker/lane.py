"""One owned partition: commands in, one transaction of events and offset out, a batch decided ahead.

While the commit of batch N is in flight, batch N+1 is decided; not further, so that at most one batch of decisions is
ahead of the log. When a commit fails, what was decided ahead is dropped with the state, and the partition is taken
over again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from libs.book.fold import Broken
from libs.book.snapshot import dump
from libs.events.codec import Unreadable, decode_command, encode
from libs.events.events import PRODUCT_EVENTS, AnyEvent
from libs.events.topics import ORDER_EVENTS, ORDERS, PRODUCTS
from libs.kafka.ports import Entry, InputOffset, Outbox, Record, TransactionalWriter
from libs.matching import Engine
from libs.snapshots.envelope import Stored
from libs.snapshots.recovering import Recovered
from services.orderbook_worker.alarm import Alarm
from services.orderbook_worker.failures import StateBroken, UnreadableCommand
from services.orderbook_worker.metrics import LaneMetrics
from services.orderbook_worker.settings import WorkerSettings

_NANOSECONDS_A_MILLISECOND = 1_000_000


class Batch(NamedTuple):
    """What one transaction writes, and the state after it when a snapshot is due."""

    events: list[Entry]
    products: list[Entry]
    next_command: int
    decided: list[AnyEvent]
    seq: int
    snapshot: bytes | None


class Lane:
    """`run` ends when `close` was called and the commit in flight is settled; it raises what ended it otherwise."""

    def __init__(
        self,
        partition: int,
        group: str,
        recovered: Recovered,
        writer: TransactionalWriter,
        settings: WorkerSettings,
        metrics: LaneMetrics,
        alarm: Alarm,
        save: Callable[[int, Stored], None],
        relieved: Callable[[int], None],
    ) -> None:
        self.partition = partition
        self.engine = Engine(partition, recovered.state)
        self.next_command = recovered.state.command_offset + 1
        """The next one to decide: it stands behind what was decided last."""
        self.next_event_offset = recovered.next_event_offset
        """Behind the last committed event."""
        self._group = group
        self._writer = writer
        self._settings = settings
        self._metrics = metrics
        self._alarm = alarm
        self._save = save
        self._relieved = relieved
        self._inbox: deque[Sequence[Record]] = deque()
        self._backlog = 0
        self._came = asyncio.Event()
        self._closing = False
        self._in_flight: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._commit_started = float("-inf")
        self._gap = settings.commit_gap_ms / 1000
        self._snapshot_due = self._loop.time() + settings.snapshot_every_ms / 1000
        self._saved_seq = recovered.saved_seq
        self._saving_began = asyncio.Event()
        self._position = 0
        """What the group was told last, by this lane; an empty partition has nothing to tell."""
        self._position_due = float("-inf")

    def offer(self, records: Sequence[Record]) -> bool:
        """Take commands in log order. False when that is enough for now: pause until `relieved` is called."""
        self._inbox.append(records)
        self._backlog += len(records)
        self._came.set()
        return self._backlog < self._settings.backlog_commands

    @property
    def is_full(self) -> bool:
        return self._backlog >= self._settings.backlog_commands

    def close(self) -> None:
        """Decide nothing more."""
        self._closing = True
        self._came.set()

    async def saved(self) -> None:
        """Returns once a snapshot of about now is being saved, or none is wanted. Trading goes on."""
        self._snapshot_due = float("-inf")
        self._saving_began.clear()
        self._came.set()
        await self._saving_began.wait()

    async def run(self) -> None:
        try:
            await self._begin()
            self._set_alarm()
            while await self._gathered():
                batch = self._decide(self._take())
                self._set_alarm()
                await self._settle()
                self._commit_started = self._loop.time()
                self._in_flight = asyncio.create_task(self._commit(batch))
                self._in_flight.add_done_callback(lambda _: self._came.set())
            await self._settle()
            await self._commit_position()
        finally:
            self._alarm.close()
            if self._in_flight is not None:
                self._in_flight.cancel()

    def committed(self) -> Recovered:
        """The state as the log has it. Only after `run` has returned."""
        return Recovered(self.engine.state, self.next_event_offset, self._saved_seq)

    def unsaved(self) -> Stored | None:
        """A snapshot of the committed state, unless the events since the last one are soon folded. Only after `run`."""
        state = self.engine.state
        if state.seq - self._saved_seq <= self._settings.hand_over_tail_events:
            return None
        return Stored(state.seq, self.next_event_offset, dump(state))

    async def _begin(self) -> None:
        """Say in the log which rules decide from here on, if these are new."""
        events = self.engine.adopt_rules()
        if events:
            entries = [Entry(None, encode(event)) for event in events]
            await self._commit(Batch(entries, [], self.next_command, events, self.engine.state.seq, None))

    def _set_alarm(self) -> None:
        self._alarm.due(self.engine.state.next_deadline(), self.next_command - 1)

    async def _gathered(self) -> bool:
        """True when there are commands to decide, False when the lane closes.

        A command that finds the partition idle goes at once; under load what comes within the gap goes together,
        for a small transaction costs processor time in three processes.
        """
        while not self._closing:
            if self._in_flight is not None and self._in_flight.done():
                await self._settle()  # a commit that failed is not left until the next command comes
            now = self._loop.time()
            if not self._backlog:
                await self._idle(now)
                continue
            wait = self._commit_started + self._gap - now
            if wait <= 0 or self._backlog >= self._settings.batch_commands:
                return True
            await self._sleep(wait)
        return False

    async def _idle(self, now: float) -> None:
        """Wait for a command; do what is due meanwhile. Nothing is ahead of the log once all is settled."""
        due = {}
        if self._position != self.next_command:
            due[self._commit_position] = self._position_due
        if self.engine.state.seq != self._saved_seq:
            due[self._save_idle] = self._snapshot_due
        else:
            self._saving_began.set()
        act = min(due, key=due.__getitem__, default=None)
        if act is None:
            self._came.clear()
            await self._came.wait()
        elif now < due[act]:
            await self._sleep(due[act] - now)
        else:
            await self._settle()
            await act()

    async def _save_idle(self) -> None:
        self._snapshot(self.engine.state.seq, dump(self.engine.state))

    async def _sleep(self, seconds: float) -> None:
        """Until something came, or so long has passed."""
        self._came.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._came.wait()
        except TimeoutError:
            return

    def _take(self) -> list[Record]:
        """At most one batch of what has come."""
        was_full = self.is_full
        taken: list[Record] = []
        while self._inbox:
            room = self._settings.batch_commands - len(taken)
            records = self._inbox[0]
            if len(records) > room:
                taken += records[:room]
                self._inbox[0] = records[room:]
                break
            taken += self._inbox.popleft()
        self._backlog -= len(taken)
        if was_full and not self.is_full:
            self._relieved(self.partition)
        return taken

    def _decide(self, records: Iterable[Record]) -> Batch:
        entries: list[Entry] = []
        products: list[Entry] = []
        decided: list[AnyEvent] = []
        handle = self.engine.handle
        try:
            for record in records:
                self._expect(record)
                command = decode_command(record.value or b"")
                for event in handle(command, record.offset, record.timestamp * _NANOSECONDS_A_MILLISECOND):
                    entries.append(Entry(record.key or self._key_of(event), encode(event)))
                    decided.append(event)
                    if isinstance(event, PRODUCT_EVENTS):
                        product = event.product
                        products.append(Entry(product.product_id.encode(), encode(product)))
        except Unreadable as error:
            raise UnreadableCommand(f"{ORDERS}/{self.partition} at offset {self.next_command - 1}: {error}") from error
        except Broken as error:
            raise StateBroken(f"{ORDERS}/{self.partition} at offset {self.next_command - 1}: {error}") from error
        seq = self.engine.state.seq
        return Batch(entries, products, self.next_command, decided, seq, self._dumped_if_due())

    def _key_of(self, event: AnyEvent) -> bytes | None:
        """Of an event whose command is about no product: of the product in which a deadline came."""
        book = self.engine.state.products.get(event.number)
        return None if book is None else book.product.product_id.encode()

    def _expect(self, record: Record) -> None:
        """Nothing transactional is written to `orders`, so its offsets have no holes."""
        if record.offset != self.next_command:
            raise StateBroken(
                f"{ORDERS}/{self.partition}: command {record.offset} came where {self.next_command} was expected"
            )
        self.next_command += 1

    def _dumped_if_due(self) -> bytes | None:
        """The state after this batch and before the next is decided: published once this one is committed."""
        if self._loop.time() < self._snapshot_due:
            return None
        self._snapshot_due = self._loop.time() + self._settings.snapshot_every_ms / 1000
        return dump(self.engine.state)

    async def _settle(self) -> None:
        """Until the commit in flight has succeeded; raises what it failed with."""
        task, self._in_flight = self._in_flight, None
        if task is not None:
            await task

    async def _commit(self, batch: Batch) -> None:
        outboxes = [Outbox(ORDER_EVENTS, self.partition, batch.events)]
        if batch.products:
            outboxes.append(Outbox(PRODUCTS, self.partition, batch.products))
        started = self._loop.time()
        position = InputOffset(self._group, ORDERS, self.partition, batch.next_command)
        told = started >= self._position_due
        bases = await self._writer.commit(outboxes, position if told else None)
        if told:
            self._told(batch.next_command)
        self.next_event_offset = bases[0] + len(batch.events)
        took = self._loop.time() - started
        self._gap = self._gap_after(took)
        self._metrics.committed(batch.decided, took)
        if batch.snapshot is not None:
            self._snapshot(batch.seq, batch.snapshot)

    async def _commit_position(self) -> None:
        """Tell the group how far this partition is. Only while nothing is in flight."""
        if self._position != self.next_command:
            await self._writer.commit([], InputOffset(self._group, ORDERS, self.partition, self.next_command))
            self._told(self.next_command)

    def _told(self, next_command: int) -> None:
        self._position = next_command
        self._position_due = self._loop.time() + self._settings.position_every_ms / 1000

    def _gap_after(self, took: float) -> float:
        """Seconds between the starts of two commits, when the last one took so long."""
        settings = self._settings
        return min(
            max(settings.commit_gap_ms / 1000, settings.commit_gap_factor * took), settings.commit_gap_most_ms / 1000
        )

    def _snapshot(self, seq: int, data: bytes) -> None:
        self._saved_seq = seq
        self._snapshot_due = self._loop.time() + self._settings.snapshot_every_ms / 1000
        self._save(self.partition, Stored(seq, self.next_event_offset, data))
        self._saving_began.set()
