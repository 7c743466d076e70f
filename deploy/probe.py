"""Ask a process for its health: one small HTTP request, with a limit on time and size."""

import asyncio
from dataclasses import dataclass

from deploy.endpoint import Endpoint

MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What a process said of itself; `status` 0 when it said nothing."""

    status: int
    body: bytes


SILENCE = Answer(0, b"")


async def ask(whom: Endpoint, path: str, within: float) -> Answer:
    """GET `path`; `SILENCE` when nothing useful comes back in time."""
    try:
        return await asyncio.wait_for(_get(whom, path), within)
    except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
        return SILENCE


async def _get(whom: Endpoint, path: str) -> Answer:
    reader, writer = await asyncio.open_connection(*whom)
    try:
        # HTTP/1.0: the answer ends with the connection.
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {whom}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) < MAX_ANSWER_BYTES and (part := await reader.read(MAX_ANSWER_BYTES)):
            answer += part
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]), body)
