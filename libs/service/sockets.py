"""WebSockets on the server that HTTP has: the handshake and what clients send come by ASGI, what they are sent goes past it.

A feed sends the same bytes to a thousand sockets. So a message is framed once (`text_frame`) and written to each socket's
transport as it is; compression, whose state would be a socket's own, is off. What the network has not taken yet stands in
`Wire.waiting`, which is the socket's queue and has no other limit than whoever writes keeps.
"""

from collections.abc import Mapping, MutableMapping
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Final, Literal, NamedTuple, Protocol, cast

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request

RESTART: Final = int(CloseCode.SERVICE_RESTART)
TRY_AGAIN_LATER: Final = int(CloseCode.TRY_AGAIN_LATER)
POLICY_VIOLATION: Final = int(CloseCode.POLICY_VIOLATION)
UNSUPPORTED: Final = int(CloseCode.UNSUPPORTED_DATA)
NOT_UTF8: Final = int(CloseCode.INVALID_DATA)
FAULT: Final = int(CloseCode.INTERNAL_ERROR)
_IN_SCOPE: Final = "outcry.wire"


class SocketLimits(NamedTuple):
    message_bytes: int
    """Of what a client sends at once; a longer one closes the socket with 1009."""
    ping_s: float
    pong_s: float
    """A client that does not answer a ping for so long is hung up on."""
    close_s: float
    """How long a client may take to answer a close."""
    kernel_bytes: int
    """Of the operating system's send buffer, a queue before the one in `Wire.waiting`."""


class Closing(msgspec.Struct, tag_field="type", tag="closing", frozen=True):
    """The service stops: the socket is closed with 1012 in so many milliseconds. Connect again then."""

    after_ms: int
    reason: Literal["restart"] = "restart"


NO_SOCKETS: Final = SocketLimits(0, 0, 0, 0, 0)
"""Of a server that takes none."""


class Wire(Protocol):
    """The way to one client."""

    @property
    def waiting(self) -> int:
        """Bytes written that the network has not taken."""

    def write(self, frames: bytes) -> None:
        """Whole frames. Never waits; after the end it does nothing."""

    def hang_up(self, code: int, reason: str) -> None:
        """Say why, and end, also where the client reads nothing any more."""


def text_frame(payload: bytes) -> bytes:
    """One message, framed for any number of sockets."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def put_wire(scope: MutableMapping[str, object], wire: Wire) -> None:
    """The server's: this is how to reach who asked."""
    scope[_IN_SCOPE] = wire


def wire_in(scope: Mapping[str, object]) -> Wire:
    return cast("Wire", scope[_IN_SCOPE])


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, which is also the `Wire` of its own scope, and leaves no connection to a client that is gone."""

    close_s = 5.0
    kernel_bytes = 0

    @property
    def waiting(self) -> int:
        return self.transport.get_write_buffer_size()

    def write(self, frames: bytes) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames)

    def hang_up(self, code: int, reason: str) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_s, self.transport.abort)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:  # the application begins in the loop's next turn
            put_wire(cast("dict[str, object]", self.scope), self)
            self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, self.kernel_bytes)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.hang_up(NOT_UTF8, "not_utf8")
            return
        super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        if self.waiting:  # it would wait for ever to be read
            self.transport.abort()


def protocol(limits: SocketLimits) -> type[SocketProtocol]:
    """What a server is told to speak where a client asks for a WebSocket."""

    class Limited(SocketProtocol):
        close_s = limits.close_s
        kernel_bytes = limits.kernel_bytes

    return Limited


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
