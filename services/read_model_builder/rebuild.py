"""`python -m services.read_model_builder.rebuild`: the tables anew from the first event on, beside the running ones.

The projector itself fills them, in a schema of its own; when it has come near to the running one it passes it, and takes its
place in one transaction. How far it is stands in the log of the process, for whoever shows it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.kafka.adapter import KafkaLog
from libs.kafka.cluster import Readable
from libs.read_model.connect import Connection
from libs.read_model.database import Postgres
from libs.read_model.failures import classified
from libs.read_model.positions import Position, read_positions
from libs.read_model.rebuilding import BESIDE, NotYet, claimed, positions_beside, prepare, swap, tidy
from libs.service.process import Process, run
from services.read_model_builder.projector import Projector
from services.read_model_builder.settings import BuilderSettings

PROGRESS = "rebuilding"
DONE = "rebuilt"


class Rebuild:
    def __init__(self, process: Process[BuilderSettings], log: Readable) -> None:
        self._process = process
        self._settings = process.settings
        self._log = log

    async def run(self) -> None:
        """Until the new tables are in their place, or the process is told to stop."""
        settings = self._settings
        async with claimed(settings.postgres, settings.command_timeout_ms / 1000) as connection:
            await prepare(connection, resumed=settings.rebuild_resume)
            while not self._process.stop.is_set():
                async with self._projecting() as projector:
                    if not await self._near(connection, projector):
                        return
                    try:
                        after = await self._take_its_place(connection, projector)
                    except NotYet as reason:
                        self._process.log.info("not yet", reason=str(reason))
                        continue
                await tidy(connection)
                events = sum(position.next_seq - 1 for position in after.values())
                self._process.log.info(DONE, events=events, partitions=len(after))
                return

    @asynccontextmanager
    async def _projecting(self) -> AsyncIterator["_Beside"]:
        beside = _Beside(self._process, self._log)
        try:
            yield beside
        finally:
            await beside.stop()

    async def _near(self, connection: Connection, projector: "_Beside") -> bool:
        """Whether it has come near; False when the process is to stop."""
        while not self._process.stop.is_set():
            projector.check()
            ahead, beside = await _running(connection), await positions_beside(connection)
            total = sum(position.next_seq - 1 for position in ahead.values())
            missing = _missing(beside, ahead)
            self._process.log.info(PROGRESS, done=total - missing, total=total)
            if beside.keys() >= ahead.keys() and missing <= self._settings.rebuild_near_events:
                return True
            await asyncio.sleep(self._settings.rebuild_look_ms / 1000)
        return False

    async def _take_its_place(self, connection: Connection, projector: "_Beside") -> dict[int, Position]:
        looking = await Postgres(self._settings.postgres).connect(
            "outcry-rebuild-look", self._settings.command_timeout_ms / 1000
        )

        async def pass_them(running: Mapping[int, Position]) -> None:
            try:
                async with asyncio.timeout(self._settings.rebuild_pass_ms / 1000):
                    while _missing(await positions_beside(looking), running):
                        projector.check()
                        await asyncio.sleep(self._settings.rebuild_look_ms / 1000 / 10)
            except TimeoutError:
                raise NotYet("it was not passed in time") from None
            await projector.stop()

        try:
            return await swap(connection, pass_them, self._settings.rebuild_lock_ms / 1000)
        finally:
            looking.terminate()


class _Beside:
    """A projector of the new tables, which tells nobody."""

    def __init__(self, process: Process[BuilderSettings], log: Readable) -> None:
        own = Process(process.name, process.settings, process.log, process.clock, process.chance)
        database = Postgres(process.settings.postgres, BESIDE)
        self._process = own
        self._work = asyncio.create_task(Projector(own, log, database, told=False).run())

    def check(self) -> None:
        """Raises what ended it."""
        if self._work.done():
            self._work.result()

    async def stop(self) -> None:
        """What is being committed is waited for."""
        self._process.stop.set()
        await self._work


async def _running(connection: Connection) -> dict[int, Position]:
    with classified():
        return await read_positions(connection)


def _missing(beside: Mapping[int, Position], running: Mapping[int, Position]) -> int:
    """Events that are there and not beside."""
    return sum(max(0, there.next_seq - beside.get(at, Position(at)).next_seq) for at, there in running.items())


async def main(process: Process[BuilderSettings]) -> None:
    settings = process.settings
    await Rebuild(process, KafkaLog(settings.kafka, f"{settings.cluster}-rebuild")).run()


if __name__ == "__main__":
    run("rebuild", BuilderSettings, main)
