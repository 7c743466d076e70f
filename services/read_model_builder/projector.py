"""Sessions one after another, until the process is told to stop.

Whatever fails for a while (Kafka, Postgres, another projector) ends a session: after a pause everything starts again
from the positions in Postgres, which is also how the process starts. So there is one way in, and it is used daily.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from libs.events.topics import ORDER_EVENTS
from libs.kafka.cluster import Readable, agree
from libs.kafka.ports import LogReader
from libs.read_model.database import Database
from libs.read_model.failures import classified
from libs.service.failures import Transient
from libs.service.process import Process
from libs.service.waiting import until_set
from services.read_model_builder.measures import Measures
from services.read_model_builder.session import Session
from services.read_model_builder.settings import BuilderSettings
from services.read_model_builder.store import open_store

_MOST_DOUBLINGS: Final = 16


class Projector:
    def __init__(
        self, process: Process[BuilderSettings], log: Readable, database: Database, *, told: bool = True
    ) -> None:
        """`told`: whether readers of the tables are told of each transaction."""
        self._process = process
        self._told = told
        self._settings = process.settings
        self._log = log
        self._database = database
        self._measures = Measures(process.metrics, process.settings.cluster)
        self._reader: LogReader | None = None
        self._failures = 0
        """Sessions that ended before their first commit, in a row."""

    async def run(self) -> None:
        """Raises Fatal for what a pause does not mend."""
        while not self._process.stop.is_set():
            try:
                await self._session()
            except Transient as failure:
                await self._pause(failure)

    async def ask_log(self) -> None:
        """Raises while the log does not answer."""
        if self._reader is None:
            raise LookupError("not connected")
        await self._reader.bounds(0)

    async def _session(self) -> None:
        settings = self._settings
        await agree(self._log, settings.cluster)
        with classified():
            await self._database.migrate()
        async with (
            _reading(self._log) as reader,
            open_store(
                self._database, settings.days_ahead, settings.command_timeout_ms / 1000, told=self._told
            ) as store,
        ):
            self._reader = reader
            session = Session(self._process, reader, store, self._measures)
            await session.begin()
            self._process.health.ready(True)
            try:
                await session.run()
            finally:
                self._reader = None
                if session.progressed:
                    self._failures = 0

    async def _pause(self, failure: Transient) -> None:
        """Longer after each failure in a row, and never the same for two projectors that hinder each other."""
        longest = min(
            self._settings.backoff_last_ms,
            self._settings.backoff_first_ms << min(self._failures, _MOST_DOUBLINGS),
        )
        pause = longest / 1000 * self._process.chance.uniform(0.5, 1)
        self._failures += 1
        self._process.health.ready(False, str(failure))
        self._process.log.warning("session ended", cause=str(failure), again_in_s=round(pause, 3))
        await until_set(self._process.stop, pause)


@asynccontextmanager
async def _reading(log: Readable) -> AsyncIterator[LogReader]:
    reader = log.reader(ORDER_EVENTS)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()
