"""Parts of a benchmark that run as processes of their own, so that they share no interpreter with anything.

A part is a module of this package with `async def main(task)`: one JSON object in by standard input, one out by
standard output. Its words to people go to standard error.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
import uvloop

from deploy.local.orphan import before_exec
from libs.service.process import _GC_THRESHOLDS

T = TypeVar("T")
A = TypeVar("A")

_LIMIT_BYTES: Final = 256 * 1024 * 1024


class PartFailed(Exception):
    """A part ended without an answer; it has said why."""


async def ask(module: str, task: msgspec.Struct, answer: type[A]) -> A:
    """Run `tests.benchmarks.<module>` on a task, and return its answer."""
    process = await start(module)
    return await finish(process, module, task, answer)


async def start(module: str) -> asyncio.subprocess.Process:
    """The process, which waits for its task: what it imports is then not part of what is measured."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.benchmarks.{module}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LIMIT_BYTES,
        preexec_fn=before_exec(os.getpid(), 9, None),
    )


async def finish(process: asyncio.subprocess.Process, module: str, task: msgspec.Struct, answer: type[A]) -> A:
    try:
        out, _ = await process.communicate(msgspec.json.encode(task))
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        raise PartFailed(f"tests.benchmarks.{module} ended with code {process.returncode}")
    return msgspec.json.decode(out, type=answer)


def serve(task: type[T], main: Callable[[T], Awaitable[msgspec.Struct]]) -> None:
    """What a part's `if __name__ == "__main__"` calls. Collector and loop are as in a service."""
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=task)
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.freeze()

    async def answered() -> msgspec.Struct:
        return await main(given)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(answered())
    sys.stdout.buffer.write(msgspec.json.encode(found))
