"""Puts the parts of order_api together, over any log and any store of repeats, and runs them."""

import asyncio
from typing import cast

from libs.access.access import Access
from libs.kafka.ports import Log
from libs.service.http import App, HttpServer
from libs.service.process import Process
from services.order_api.dead_letters.office import Office
from services.order_api.desk import Desk
from services.order_api.front import Front
from services.order_api.idempotency.ports import Idempotency
from services.order_api.order_sockets import OrderSockets
from services.order_api.permissions import needed
from services.order_api.routes import litestar_app
from services.order_api.settings import OrderApiSettings


class OrderApi:
    """One process's order_api. `front` is the ASGI application."""

    def __init__(self, process: Process[OrderApiSettings], log: Log, idempotency: Idempotency) -> None:
        settings = process.settings
        self._process = process
        self._idempotency = idempotency
        self.desk = Desk(process, log, idempotency)
        self.office = Office(process, log, self.desk)
        rest = litestar_app(self.desk.products, settings, self.desk.tally, process.log, more=self.office.routes())
        self.access = Access(process, log)
        self.sockets = OrderSockets(self.desk, self.access, process)
        front = Front(self.desk.commands, cast("App", rest), self.sockets, settings, self.desk.tally, process.log)
        self.front = self.access.gate(front, needed, front.body_limit)

    async def run(self) -> None:
        """Serve until the process is told to stop. Raises what ends the process."""
        process = self._process
        process.health.check("redis", self._idempotency.ping, critical=False)
        process.health.ready(True)
        settings = process.settings
        server = HttpServer(
            self.front, settings.host, settings.http_port, sockets=settings.socket_limits, patience=settings.patience
        )
        await server.start()
        process.log.info("listening", address=f"http://{server.host}:{server.port}")
        try:
            await self.follow()
        finally:
            await self.sockets.close()
            await server.stop()
            await self.desk.close()

    async def follow(self) -> None:
        """Know the log, its products and the keys, until the process is told to stop."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.desk.follow())
                group.create_task(self.access.run(self._process.stop))
                group.create_task(self.office.run(self._process.stop))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
