"""The floor of any HTTP service here: uvicorn with httptools and uvloop, and an application that answers at once."""

import sys

import uvicorn

from libs.service.http import Message, Receive, Scope, Send

_ANSWER: Message = {"type": "http.response.body", "body": b'{"id":"00000000-0000-0000-0000-000000000000"}'}
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_ANSWER["body"])).encode())]


async def app(_: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": _HEADERS})
    await send(_ANSWER)


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), http="httptools", loop="uvloop", access_log=False, log_level="error", lifespan="off"
    )
