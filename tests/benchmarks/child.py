"""Parts of a benchmark that run as processes of their own, so that they share no interpreter with anything.

A part is a module of this package with `async def main(task)`: one JSON object in by standard input, one out by
standard output. Its words to people go to standard error.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import uvloop

from deploy.local.orphan import before_exec
from libs.service.process import _GC_THRESHOLDS

T = TypeVar("T")
A = TypeVar("A")


class PartFailed(Exception):
    """A part ended without an answer; it has said why."""


async def ask(module: str, task: msgspec.Struct, answer: type[A]) -> A:
    """Run `tests.benchmarks.<module>` on a task, and return its answer."""
    return await finish(start(module), module, task, answer)


def start(module: str) -> subprocess.Popen[bytes]:
    """The process, which waits for its task: what it imports is then not part of what is measured."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=before_exec(os.getpid(), signal.SIGKILL, None),  # noqa: PLW1509  it makes a few system calls
    )


async def finish(process: subprocess.Popen[bytes], module: str, task: msgspec.Struct, answer: type[A]) -> A:
    """Give it its task, and wait for its answer. It ends with this call, whatever happens."""
    try:
        out, _ = await asyncio.to_thread(process.communicate, msgspec.json.encode(task))
    finally:
        process.kill()
    if process.returncode != 0:
        raise PartFailed(f"tests.benchmarks.{module} ended with code {process.returncode}")
    try:
        return msgspec.json.decode(out, type=answer)
    except msgspec.MsgspecError as error:
        raise PartFailed(f"tests.benchmarks.{module} answered {len(out)} bytes that are no answer: {error}") from error


def serve(task: type[T], main: Callable[[T], Awaitable[msgspec.Struct]]) -> None:
    """What a part's `if __name__ == "__main__"` calls. Collector and loop are as in a service."""
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=task)
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.freeze()

    async def answered() -> msgspec.Struct:
        return await main(given)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(answered())
    _write(msgspec.json.encode(found))


def _write(answer: bytes) -> None:
    """All of it: an unbuffered standard output may take less than it is given, and says so only in what it returns."""
    left = memoryview(answer)
    while left:
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()
