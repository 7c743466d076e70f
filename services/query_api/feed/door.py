"""Where sockets come in: `/ws` as an ASGI application, behind the gate."""

from typing import Final

from libs.access.caller import caller_in, credential_in
from libs.service import problems, sockets
from libs.service.http import Receive, Scope, Send, refuse_socket
from libs.service.problems import BINARY_MESSAGE, NOT_FOUND, OVERLOADED, Problem
from libs.service.sockets import wire_in
from services.query_api.feed.feed import Feed

PATH: Final = "/ws"


class Door:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if scope["path"] != PATH:
            await refuse_socket(scope, send, Problem(NOT_FOUND, f"sockets are at {PATH}"))
            return
        if self._feed.full:
            await refuse_socket(scope, send, Problem(OVERLOADED, "so many sockets are open, and no more"))
            return
        who = caller_in(scope)
        await send({"type": "websocket.accept"})
        session = self._feed.open(wire_in(scope), who.account, credential_in(scope).key)
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                text = message.get("text")
                if text is None:
                    session.refuse(Problem(BINARY_MESSAGE))
                    session.hang_up(sockets.UNSUPPORTED, BINARY_MESSAGE.code)
                else:
                    self._feed.take(session, text)
        except Exception:
            session.hang_up(sockets.FAULT, problems.INTERNAL.code)
            raise
        finally:
            self._feed.close(session)
