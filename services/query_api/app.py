"""Puts the parts of query_api together, over any log, and runs them."""

import asyncio

from libs.access.access import Access
from libs.kafka.ports import Log
from libs.read_model.connect import create_pool
from libs.read_model.database import Postgres
from libs.read_model.failures import classified
from libs.service.http import HttpServer
from libs.service.process import Process
from services.query_api.dead_letters.window import Window
from services.query_api.endpoints import Endpoints
from services.query_api.feed.door import Door
from services.query_api.feed.feed import Feed
from services.query_api.listener import Listener
from services.query_api.live import LiveBooks
from services.query_api.permissions import needed
from services.query_api.progress import Progress
from services.query_api.reads import Reads
from services.query_api.routes import Front
from services.query_api.settings import QueryApiSettings
from services.query_api.sources import Sources
from services.query_api.watches import Watches


class QueryApi:
    """One process's query_api. `front` is the ASGI application."""

    def __init__(self, process: Process[QueryApiSettings], log: Log) -> None:
        settings = process.settings
        self._process = process
        self._pool = create_pool(
            settings.postgres, "outcry-query-api", settings.pool_connections, settings.query_timeout_ms / 1000
        )
        self.projected = Progress("Postgres", settings.waiting_requests)
        self.followed = Progress("the live book", settings.waiting_requests)
        self._live = LiveBooks(process, log, self.followed, Postgres(settings.postgres))
        self._listener = Listener(settings, self.projected, process.log, process.chance)
        reads = Reads(self._pool, self.projected, process.clock, settings)
        sources = Sources(self._live, reads, self.projected, self.followed, process.clock, settings)
        self.access = Access(process, log)
        self.feed = Feed(process, self._live, self.access.signatures)
        self._live.witness = self.feed
        self._window = Window(process, log, self._pool, sources)
        endpoints = Endpoints(sources, self._listener, self._window.answers)
        front = Front(endpoints, Door(self.feed), process.log, process.metrics, settings.body_bytes)
        self.front = self.access.gate(front, needed, lambda _path: settings.body_bytes)

    @property
    def watches(self) -> Watches:
        """The orders that requests wait for."""
        return self._live.watches

    async def run(self) -> None:
        """Follow the log and the projection until told to stop. Raises what ends the process."""
        self._process.health.ready(False, "the books are not loaded yet", aspect="books")
        self._process.health.check("postgres", self._ask_postgres, critical=False)
        self._process.health.check("kafka", self._live.ask_log, critical=False)
        await self._pool
        self._process.health.ready(True)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._live.run(self._process.stop))
                group.create_task(self._listener.run(self._process.stop))
                group.create_task(self.feed.run(self._process.stop))
                group.create_task(self.access.run(self._process.stop))
                group.create_task(self._window.run(self._process.stop))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            self._pool.terminate()

    async def serve(self) -> None:
        """`run`, and answer requests."""
        settings = self._process.settings
        server = HttpServer(
            self.front, settings.host, settings.http_port, sockets=settings.sockets, patience=settings.patience
        )
        await server.start()
        self._process.log.info("listening", address=f"http://{server.host}:{server.port}")
        try:
            await self.run()
        finally:
            await server.stop()

    async def _ask_postgres(self) -> None:
        with classified():
            await self._pool.fetchval("SELECT 1")
