"""A WebSocket: after the handshake has been passed on, bytes both ways, each side as fast as the other reads."""

import asyncio
from typing import Final, cast

from deploy.gateway.message import Request
from deploy.gateway.problems import UNAVAILABLE, written
from deploy.gateway.settings import GatewaySettings

ORDERS: Final = b"/ws/orders"
"""The socket that changes something; every other is a read."""


class Side(asyncio.Protocol):
    """One end; what it receives the other writes."""

    def __init__(self, transport: asyncio.Transport | None = None) -> None:
        self.transport = transport
        self.other: Side | None = None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # not a subclass in uvloop

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()


async def open_tunnel(client: asyncio.Transport, request: Request, first: bytes, settings: GatewaySettings) -> Side:
    """Join `client` to the service that has the socket it asks for; returns the client's side."""
    near = Side(client)
    client.pause_reading()
    client.set_protocol(near)
    if client.is_closing():  # perhaps it was told of its end before
        near.lost.set()
    service = settings.order_api if request.path == ORDERS else settings.query_api
    attempt = asyncio.get_running_loop().create_connection(Side, *service)
    try:
        transport, far = await asyncio.wait_for(attempt, settings.connect_seconds)
    except (OSError, TimeoutError):
        client.write(written(UNAVAILABLE, "", close=True))
        client.close()
        return near
    near.other, far.other = far, near
    transport.write(request.written_as_upgrade() + first)
    if client.is_closing():
        transport.close()
    else:
        client.resume_reading()
    return near
