"""Runs replays: letter after letter, at their rate, by whichever order_api owns the partition of their log.

A runner may die at any place, and two may run for a moment: a letter that is sent again has the id it had, and its dead
letter is closed by then, so it acts once. Progress is written now and then, and before anything waits.
"""

import asyncio

from libs.events.codec import Unreadable, decode_command, encode
from libs.events.topics import OPERATOR_TASKS, ORDERS
from libs.kafka.ports import Entry, Log, Publisher
from libs.replays.board import PARTITION, Board
from libs.replays.letters import Letters, Misplaced
from libs.replays.records import Failure, Letter, encode_record, key_of, keys_of
from libs.replays.resending import resent
from libs.replays.tasks import ENDED, RUNNABLE, State, Tally, Task
from libs.service.clock import Clock
from libs.service.failures import Transient
from libs.service.logging import Log as Logger
from libs.service.waiting import until_set
from services.order_api.dead_letters.limits import ReplayLimits


class Runner:
    """`run` joins the group that shares out the one partition; whoever has it works."""

    def __init__(
        self,
        log: Log,
        board: Board,
        publisher: Publisher,
        clock: Clock,
        logger: Logger,
        limits: ReplayLimits,
        *,
        group: str,
        instance: str,
    ) -> None:
        self._log = log
        self._board = board
        self._publisher = publisher
        self._clock = clock
        self._logger = logger
        self._limits = limits
        self._group = group
        self._instance = instance
        self._letters = Letters(log)
        self._owns = asyncio.Event()
        self._step = asyncio.Lock()
        self._tally: Tally | None = None
        self._written_at = 0.0
        self._due = 0.0

    def assigned(self, partitions: frozenset[int], generation: int) -> None:
        """What another runner did meanwhile stands in the log: begin from there."""
        self._tally = None
        if PARTITION in partitions:
            self._owns.set()
            self._logger.info("replays are run here", generation=generation)

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Returns when the letter in hand is dealt with."""
        self._owns.clear()
        self._board.changed.set()
        async with self._step:
            self._tally = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop. Raises Fatal."""
        try:
            while not stop.is_set():
                try:
                    await self._take_part(stop)
                except Transient as error:
                    self._logger.warning("replays interrupted", detail=str(error))
                    await until_set(stop, self._limits.retry_s)
        finally:
            await self._letters.close()

    async def _take_part(self, stop: asyncio.Event) -> None:
        member = self._log.group(OPERATOR_TASKS, self._group)
        await member.start(self)
        working = asyncio.create_task(self._work())
        try:
            while not stop.is_set():
                await member.poll(1, self._limits.poll_s)  # nothing is ever sought: polling is the membership
                if working.done():
                    working.result()
        finally:
            working.cancel()
            await asyncio.wait({working})
            self._owns.clear()
            await member.leave()

    async def _work(self) -> None:
        while True:
            await self._owns.wait()
            try:
                await self._board.read_to_end()
                while self._owns.is_set():
                    await self._turn()
            except Transient as error:
                self._logger.warning("replay interrupted", detail=str(error))
                await until_set(self._board.changed, self._limits.retry_s)

    async def _turn(self) -> None:
        """One letter of the replay whose turn it is, or the wait for something to do."""
        task = self._next()
        if self._tally is not None and (task is None or task.plan.id != self._tally.task_id):
            await self._put_down(self._tally)
        if task is None:
            await self._forget_old()
            await self._board.changed.wait()
            self._board.changed.clear()
            return
        if self._tally is None:
            self._tally = Tally(task, self._instance)
            self._written_at = self._due = 0.0
            self._logger.info("replay begins", task=task.plan.id, letters=len(task.plan.letters), at=self._tally.next)
        wait = self._due - asyncio.get_running_loop().time()
        if wait > 0:
            await until_set(self._board.changed, wait)
            self._board.changed.clear()
            return
        async with self._step:
            if self._owns.is_set():
                await self._advance(task, self._tally)

    def _next(self) -> Task | None:
        """The first that was confirmed."""
        waiting = [task for task in self._board.tasks.values() if task.state in RUNNABLE]
        return min(
            waiting, key=lambda task: (task.control.confirmed if task.control else 0, task.plan.id), default=None
        )

    async def _put_down(self, tally: Tally) -> None:
        """It was paused or cancelled, or is done."""
        if tally.unwritten:
            await self._write(tally)
        self._tally = None

    async def _advance(self, task: Task, tally: Tally) -> None:
        loop = asyncio.get_running_loop()
        letters = task.plan.letters
        if tally.next < len(letters):
            self._due = max(self._due, loop.time()) + 1 / task.plan.rate
            why = await self._send(task, letters[tally.next])
            if why:
                tally.failed(Failure(letters[tally.next].name, why))
            else:
                tally.sent()
        ended = tally.next >= len(letters)
        if ended or loop.time() >= self._written_at + self._limits.progress_s:
            await self._write(tally)
        if ended:
            self._logger.info("replay ended", task=task.plan.id, letters=len(letters))

    async def _send(self, task: Task, letter: Letter) -> str:
        """Why it cannot be sent; empty once it is acknowledged. Raises Transient: then try again."""
        try:
            found = await self._letters.find(letter.name)
            command = decode_command(letter.after or found.value)
        except Misplaced as error:
            return str(error)
        except Unreadable as error:
            return f"unreadable: {error}"
        assert task.control is not None, "it was confirmed"
        again = resent(command, letter.name, task.plan.id, task.control.confirmed, self._clock.now())
        await self._publisher.publish(ORDERS, letter.name.partition, [Entry(found.key, encode(again), found.trace)])
        return ""

    async def _write(self, tally: Tally) -> None:
        record = tally.record(self._clock.now())
        await self._publisher.publish(OPERATOR_TASKS, PARTITION, [Entry(key_of(record), encode_record(record))])
        self._written_at = asyncio.get_running_loop().time()
        await self._board.read_to_end()

    async def _forget_old(self) -> None:
        """Beyond so many, the oldest that need nothing any more."""
        settled = [task.plan for task in self._board.tasks.values() if task.state in ENDED | {State.PLANNED}]
        for plan in sorted(settled, key=lambda each: each.created)[: max(0, len(settled) - self._limits.kept)]:
            entries = [Entry(key, None) for key in keys_of(plan.id)]
            await self._publisher.publish(OPERATOR_TASKS, PARTITION, entries)
