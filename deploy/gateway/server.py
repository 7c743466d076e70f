"""The gateway as a whole: its connections, its clock, its own port for health and metrics."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine

from deploy.gateway.client import ClientConnection
from deploy.gateway.health import merged
from deploy.gateway.message import Request
from deploy.gateway.problems import OVERLOADED, answer, written
from deploy.gateway.settings import GatewaySettings
from deploy.gateway.tunnel import open_tunnel
from deploy.gateway.upstream import Pool

BACKLOG = 1024
TICK_SECONDS = 0.5
ADMIN_SECONDS = 5.0
JSON = "application/json"


class GatewayServer:
    """Serves until `stop`."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.order_api = Pool("order_api", settings.order_api, settings)
        self.query_api = Pool("query_api", settings.query_api, settings)
        self._connections: set[ClientConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._counts: Counter[str] = Counter()
        self._tunnels = 0
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen on both ports."""
        loop = asyncio.get_running_loop()
        settings = self.settings
        self._servers = [
            await loop.create_server(lambda: ClientConnection(self), settings.host, settings.port, backlog=BACKLOG),
            await asyncio.start_server(self._admin, settings.host, settings.admin_port),
        ]
        self._spawn(self._tick())

    @property
    def port(self) -> int:
        """The port it serves; the settings' own, unless that is 0."""
        return int(self._servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take nothing more, finish what is being answered, for a short while."""
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.close_when_idle()
        deadline = time.monotonic() + self.settings.stop_seconds
        while any(connection.is_busy for connection in self._connections) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    # What connections ask.

    def opened(self, connection: ClientConnection) -> bool:
        self._connections.add(connection)
        return len(self._connections) <= self.settings.max_connections

    def closed(self, connection: ClientConnection) -> None:
        self._connections.discard(connection)

    def count(self, outcome: str) -> None:
        self._counts[outcome] += 1

    def health(self, client: ClientConnection, path: str) -> None:
        self._spawn(self._answer_health(client, path))

    def tunnel(self, transport: asyncio.Transport, request: Request, first: bytes) -> None:
        if self._tunnels >= self.settings.max_tunnels:
            self.count(OVERLOADED.code)
            transport.write(written(OVERLOADED, "", close=True))
            transport.close()
            return
        self.count("websocket")
        self._tunnels += 1
        self._spawn(self._tunnel(transport, request, first))

    async def _answer_health(self, client: ClientConnection, path: str) -> None:
        status, body = await merged(self.settings.processes, path)
        client.answer(answer(status, JSON, body, close=False))
        client.answered()

    async def _tunnel(self, transport: asyncio.Transport, request: Request, first: bytes) -> None:
        near = await open_tunnel(transport, request, first, self.settings)
        await near.lost.wait()
        self._tunnels -= 1

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for connection in tuple(self._connections):
                connection.check_time(now)
            self.order_api.close_idle(now)
            self.query_api.close_idle(now)

    async def _admin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), ADMIN_SECONDS)
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            if path in {b"/healthz", b"/readyz"}:
                writer.write(answer(200, JSON, b'{"status":"ok"}', close=True))
            elif path == b"/metrics":
                writer.write(answer(200, "text/plain; version=0.0.4", self._metrics(), close=True))
            else:
                writer.write(answer(404, JSON, b"{}", close=True))
        except (TimeoutError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # whoever asks so needs no answer
        finally:
            writer.close()

    def _metrics(self) -> bytes:
        lines = ["# TYPE gateway_requests_total counter"]
        lines += [f'gateway_requests_total{{outcome="{name}"}} {count}' for name, count in sorted(self._counts.items())]
        lines += ["# TYPE gateway_connections gauge", f"gateway_connections {len(self._connections)}"]
        lines += ["# TYPE gateway_tunnels gauge", f"gateway_tunnels {self._tunnels}", ""]
        return "\n".join(lines).encode()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
