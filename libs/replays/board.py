"""Every replay, as the topic `operator-tasks` has it: read to its end at the start, then followed, however long the log is away."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from libs.events.codec import Unreadable
from libs.events.topics import OPERATOR_TASKS
from libs.kafka.ports import Log, LogReader, Record
from libs.replays.records import Plan, decode_record
from libs.replays.tasks import Task
from libs.service import problems
from libs.service.failures import Fatal, Transient
from libs.service.logging import Log as Logger
from libs.service.problems import Problem
from libs.service.waiting import until_set

PARTITION: Final = 0
_POLL_RECORDS: Final = 1_000


class Board:
    """Replays by id, the oldest first. `changed` is set with every record, for whoever waits and clears it."""

    def __init__(self, log: Log, logger: Logger, *, poll_s: float, retry_s: float, wait_s: float) -> None:
        self.tasks: dict[str, Task] = {}
        self.changed = asyncio.Event()
        self._log = log
        self._logger = logger
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._wait_s = wait_s
        self._reader: LogReader | None = None
        self._moved: asyncio.Future[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._follow(stop)
            except Transient as error:
                self._logger.warning("replay tasks unavailable", detail=str(error))
                await until_set(stop, self._retry_s)

    async def current(self) -> dict[str, Task]:
        """With everything that stood in the log when this was called. Raises Problem where that cannot be known in time."""
        try:
            await self.read_to_end()
        except Transient as error:
            raise Problem(problems.DEPENDENCY_AWAY, str(error)) from error
        return self.tasks

    async def read_to_end(self) -> None:
        """Raises Transient."""
        try:
            async with asyncio.timeout(self._wait_s):
                while (reader := self._reader) is None:
                    await self._next_move()
                end = (await reader.bounds(PARTITION)).end
                while self._reader is not reader or reader.position(PARTITION) < end:
                    await self._next_move()
        except TimeoutError as error:
            raise Transient(f"the log of replays was not read to its end within {self._wait_s} s") from error

    async def _follow(self, stop: asyncio.Event) -> None:
        reader = self._log.reader(OPERATOR_TASKS)
        await reader.start()
        try:
            reader.assign({PARTITION: (await reader.bounds(PARTITION)).start})
            self.tasks.clear()
            self._reader = reader
            while not stop.is_set():
                self._apply(await reader.poll(_POLL_RECORDS, self._poll_s))
                self._wake()
        finally:
            self._reader = None
            await reader.stop()

    def _apply(self, polled: Mapping[int, Sequence[Record]]) -> None:
        for record in polled.get(PARTITION, ()):
            self._take((record.key or b"").decode("utf-8", "replace"), record.value)
            self.changed.set()

    def _take(self, key: str, value: bytes | None) -> None:
        task_id, _, kind = key.partition("/")
        if value is None:
            if kind == "plan":
                self.tasks.pop(task_id, None)
            return
        try:
            record = decode_record(value)
        except Unreadable as error:
            raise Fatal(f"{OPERATOR_TASKS} holds {key!r}, which is unreadable: {error}") from error
        task = self.tasks.get(task_id)
        if isinstance(record, Plan):
            self.tasks[task_id] = Task(record)
        elif task is not None:
            self.tasks[task_id] = task.took(record)

    async def _next_move(self) -> None:
        if self._moved is None:
            self._moved = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._moved)

    def _wake(self) -> None:
        moved, self._moved = self._moved, None
        if moved is not None:
            moved.set_result(None)
