"""One owned partition: commands in, one transaction of events and offset out, a batch decided ahead.

While the commit of batch N is in flight, batch N+1 is decided; not further, so that at most one batch of decisions is
ahead of the log. When a commit fails, what was decided ahead is dropped with the state, and the partition is taken
over again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from libs.book.snapshot import dump
from libs.events.codec import encode
from libs.events.topics import ORDER_EVENTS, ORDERS
from libs.kafka.ports import Entry, InputOffset, Outbox, Record, TransactionalWriter
from libs.service.failures import Transient
from libs.service.logging import Log as Logger
from libs.service.waiting import until_set
from libs.snapshots.envelope import Stored
from libs.snapshots.recovering import Recovered
from services.orderbook_worker.alarm import Alarm
from services.orderbook_worker.attempts import Trial
from services.orderbook_worker.deciding import Decided, Decider
from services.orderbook_worker.faults import Faulted
from services.orderbook_worker.metrics import LaneMetrics
from services.orderbook_worker.settings import WorkerSettings

_GOLDEN_SECTION: Final = 0.618


class Batch(NamedTuple):
    """What one transaction writes, and the state after it when a snapshot is due."""

    decided: Decided
    next_command: int
    seq: int
    snapshot: bytes | None


class Lane:
    """`run` ends when `close` was called and the commit in flight is settled; it raises what ended it otherwise."""

    def __init__(
        self,
        decider: Decider,
        trial: Trial,
        group: str,
        recovered: Recovered,
        writer: TransactionalWriter,
        settings: WorkerSettings,
        metrics: LaneMetrics,
        alarm: Alarm,
        logger: Logger,
        after: Callable[[Decided], None],
        save: Callable[[int, Stored], None],
        relieved: Callable[[int], None],
    ) -> None:
        """`after` is told what was committed, `save` gets snapshots, `relieved` hears when a full lane has room again."""
        self.partition = decider.partition
        self.engine = decider.engine
        self.next_event_offset = recovered.next_event_offset
        """Behind the last committed event."""
        self.committed_seq = recovered.state.seq
        """Of the last committed event."""
        self._decider = decider
        self._trial = trial
        self._group = group
        self._writer = writer
        self._settings = settings
        self._metrics = metrics
        self._alarm = alarm
        self._logger = logger
        self._after = after
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
        self._snapshot_due = self._loop.time() + settings.snapshot_every_ms / 1000 * _phase(self.partition)
        self._saved_seq = recovered.saved_seq
        self._saving_began = asyncio.Event()
        self._progressed = self._loop.time()
        """When a batch was committed last, or the first command came that waits."""
        self._position = 0
        """What the group was told last, by this lane; an empty partition has nothing to tell."""
        self._position_due = float("-inf")

    @property
    def next_command(self) -> int:
        """The next one to decide: it stands behind what was decided last."""
        return self._decider.next_command

    def offer(self, records: Sequence[Record]) -> bool:
        """Take commands in log order. False when that is enough for now: pause until `relieved` is called."""
        if self._is_even:
            self._progressed = self._loop.time()
        self._inbox.append(records)
        self._backlog += len(records)
        self._came.set()
        return self._backlog < self._settings.backlog_commands

    @property
    def is_full(self) -> bool:
        return self._backlog >= self._settings.backlog_commands

    def waiting_s(self) -> float:
        """How long commands have waited here while none was committed."""
        return 0.0 if self._is_even else self._loop.time() - self._progressed

    @property
    def _is_even(self) -> bool:
        """All that came is decided, and all that is decided is committed."""
        return not self._backlog and self.engine.state.seq == self.committed_seq

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
                await self._trial.open()
                if self._trial.is_careful(self.next_command):
                    await self._do_alone(self.next_command)
                else:
                    await self._do(self._settings.batch_commands)
            await self._settle()
            await self._commit_position()
            await self._quietly(self._trial.end(self.next_command))
        except Exception:
            await self._quietly(self._trial.take_back())
            raise
        finally:
            self._alarm.close()
            if self._in_flight is not None:
                self._in_flight.cancel()

    async def _do(self, most: int) -> None:
        """Decide a batch of at most so many commands, and let its commit begin when the one before has ended."""
        try:
            batch = self._decide(self._take(most))
        except Faulted:
            await self._settle()  # what was decided before is good, and need not be decided again
            raise
        self._set_alarm()
        await self._settle()
        self._commit_started = self._loop.time()
        self._in_flight = asyncio.create_task(self._commit(batch))
        self._in_flight.add_done_callback(lambda _: self._came.set())

    async def _do_alone(self, offset: int) -> None:
        """Owners died hereabouts: the next command is announced, decided and committed alone."""
        await self._settle()
        deadly = self._trial.is_deadly(offset)
        if deadly:
            self._decider.crash(self._settings.crash_tries)
        else:
            await self._trial.announce(offset)
        await self._do(1)
        await self._settle()
        if deadly:
            await self._trial.found(offset)
        else:
            self._trial.survived()

    async def _quietly(self, word: Awaitable[None]) -> None:
        """A word about attempts that the log does not take makes a search longer, and nothing else."""
        try:
            await word
        except Transient as error:
            self._logger.info("attempts not told", partition=self.partition, detail=str(error))

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
            outbox = Outbox(ORDER_EVENTS, self.partition, [Entry(None, encode(event)) for event in events])
            await self._commit(Batch(Decided([outbox], events, []), self.next_command, self.engine.state.seq, None))

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
        await until_set(self._came, seconds)

    def _take(self, most: int) -> list[Record]:
        """At most so many of what has come."""
        was_full = self.is_full
        taken: list[Record] = []
        while self._inbox:
            room = most - len(taken)
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

    def _decide(self, records: Sequence[Record]) -> Batch:
        decided = self._decider.decide(records)
        left = [record for record in records if record.offset >= self.next_command]
        if left:
            self._inbox.appendleft(left)
            self._backlog += len(left)
        return Batch(decided, self.next_command, self.engine.state.seq, self._dumped_if_due())

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
        decided, started = batch.decided, self._loop.time()
        position = InputOffset(self._group, ORDERS, self.partition, batch.next_command)
        told = started >= self._position_due
        bases = await self._writer.commit(decided.outboxes, position if told else None)
        if told:
            self._told(batch.next_command)
        self.next_event_offset = bases[0] + len(decided.events)
        self.committed_seq = batch.seq
        self._progressed = self._loop.time()
        took = self._loop.time() - started
        self._gap = self._gap_after(took)
        self._metrics.committed(decided.events, took)
        self._after(decided)
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


def _phase(partition: int) -> float:
    """The part of the first period before the first snapshot: partitions taken over together are not dumped together.

    Multiples of the golden section lie evenly apart, whichever of the partitions a worker owns.
    """
    return 1 - partition * _GOLDEN_SECTION % 1
