"""One connection that Postgres tells how far the projection is, for all requests that wait for it.

When it breaks, what was told is forgotten: after a crash of the server the tables may be further back than they were.
"""

import asyncio
from collections.abc import Iterable
from random import Random

from libs.read_model.connect import connect
from libs.read_model.failures import classified
from libs.read_model.positions import CHANNEL, Position, from_payload, read_positions
from libs.service.failures import Transient
from libs.service.logging import Log
from libs.service.waiting import until_set
from services.query_api.backoff import Backoff
from services.query_api.progress import Progress
from services.query_api.settings import QueryApiSettings


class Listener:
    def __init__(self, settings: QueryApiSettings, progress: Progress, log: Log, chance: Random) -> None:
        self._settings = settings
        self._progress = progress
        self._log = log
        self._backoff = Backoff(settings.backoff_first_ms, settings.backoff_last_ms, chance)
        self.positions: dict[int, Position] = {}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._listen(stop)
            except Transient as failure:
                self._log.warning("projection unknown", cause=str(failure))
            self._forget()
            await self._backoff.pause(stop)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await connect(
            self._settings.postgres, "outcry-query-listener", self._settings.query_timeout_ms / 1000
        )
        try:
            with classified():
                connection.add_termination_listener(self._broken)
                await connection.add_listener(CHANNEL, self._told)
                while not stop.is_set():
                    self._know((await read_positions(connection)).values())
                    self._backoff.succeeded()
                    await until_set(stop, self._settings.listen_check_ms / 1000)
        finally:
            connection.terminate()

    def _told(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        positions = from_payload(str(payload))
        if positions is not None:  # else the next check reads them
            self._know(positions)

    def _know(self, positions: Iterable[Position]) -> None:
        for position in positions:
            self.positions[position.partition] = position
            self._progress.advance(position.partition, position.command_offset)

    def _broken(self, _connection: object) -> None:
        self._forget()

    def _forget(self) -> None:
        self.positions.clear()
        self._progress.forget()
