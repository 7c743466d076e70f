"""Puts together what operators look through: the board of replays, the log of dead letters, dry runs."""

import asyncio

from libs.kafka.ports import Log
from libs.read_model.connect import Pool
from libs.replays.board import Board
from libs.replays.letters import Letters
from libs.service.process import Process
from services.query_api.dead_letters.answers import DeadLetterAnswers
from services.query_api.dead_letters.reads import DeadLetterReads
from services.query_api.dead_letters.trials import Trials
from services.query_api.settings import QueryApiSettings
from services.query_api.sources import Sources


class Window:
    """Looks only: nothing here writes."""

    def __init__(self, process: Process[QueryApiSettings], log: Log, pool: Pool, sources: Sources) -> None:
        settings = process.settings
        self._letters = Letters(log)
        self._board = Board(
            log,
            process.log,
            poll_s=settings.replay_poll_ms / 1000,
            retry_s=settings.replay_retry_ms / 1000,
            wait_s=settings.replay_wait_ms / 1000,
        )
        reads = DeadLetterReads(pool, log, self._letters, settings.query_timeout_ms / 1000, settings.letters_around)
        trials = Trials(process.log, settings.dry_runs, settings.dry_run_ms / 1000)
        self.answers = DeadLetterAnswers(sources, reads, self._board, trials)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the replays until told to stop. Raises Fatal."""
        try:
            await self._board.run(stop)
        finally:
            await self._letters.close()
