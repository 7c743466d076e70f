"""Puts the operators' side of order_api together: the board, the desk, the runner, and the connections of each."""

import asyncio
from typing import Any

from libs.kafka.ports import Log
from libs.read_model.connect import create_pool
from libs.replays.board import Board
from libs.replays.letters import Letters
from libs.service.failures import Transient
from libs.service.process import Process
from services.order_api.building import Builder
from services.order_api.dead_letters.desk import DeadLetterDesk
from services.order_api.dead_letters.limits import replay_limits
from services.order_api.dead_letters.planning import Editor
from services.order_api.dead_letters.routes import operator_routes
from services.order_api.dead_letters.runner import Runner
from services.order_api.dead_letters.selecting import OpenLetters
from services.order_api.desk import Desk
from services.order_api.minting import Mint
from services.order_api.settings import OrderApiSettings


class Office:
    """Beside the traders' desk, with a publisher of its own: what fails here holds up no order."""

    def __init__(self, process: Process[OrderApiSettings], log: Log, desk: Desk) -> None:
        settings, self._process = process.settings, process
        self._limits = limits = replay_limits(settings)
        self._publisher = log.publisher()
        self._letters = Letters(log)
        self._pool = create_pool(
            settings.postgres, "outcry-order-api", settings.operator_connections, settings.operator_query_ms / 1000
        )
        self.board = Board(log, process.log, poll_s=limits.poll_s, retry_s=limits.retry_s, wait_s=limits.wait_s)
        self._runner = Runner(
            log,
            self.board,
            self._publisher,
            process.clock,
            process.log,
            limits,
            group=f"{settings.cluster}-replays",
            instance=settings.instance,
        )
        mint = Mint(process.clock, process.chance.getrandbits)
        letters = OpenLetters(self._pool, settings.operator_query_ms / 1000)
        self._desk = DeadLetterDesk(
            self.board,
            letters,
            Editor(self._letters, desk.registry),
            self._publisher,
            Builder(mint, settings.cluster),
            desk.intake,
            mint,
            limits,
        )
        self._registry = desk.registry

    def routes(self) -> list[Any]:
        """Handlers for Litestar."""
        return operator_routes(self._desk, self._registry.find_number, self._limits.body_bytes)

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop. Raises what ends the process."""
        try:
            await self._pool
            await self._begin(stop)
            async with asyncio.TaskGroup() as group:
                group.create_task(self.board.run(stop))
                group.create_task(self._runner.run(stop))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            await self._letters.close()
            await self._publisher.close()
            self._pool.terminate()

    async def _begin(self, stop: asyncio.Event) -> None:
        begun = False
        while not (begun or stop.is_set()):
            try:
                await self._publisher.start()
                begun = True
            except Transient as error:
                self._process.log.warning("log unavailable", detail=str(error))
                await asyncio.sleep(self._limits.retry_s)
