"""`outcry rebuild`: the tables in Postgres anew from the log, beside the running ones, which they replace at the end.

The projector does it, as a process of its own; this shows how far it is, and ends it when it ends itself: what a process
cannot tell anybody it does not go on with.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from cli.parser import Parser
from cli.problem import CannotDo
from sim.live import Live, bar

_MODULE: Final = "services.read_model_builder.rebuild"
_ROOT: Final = Path(__file__).resolve().parents[1]
_PROGRESS: Final = "rebuilding"
_DONE: Final = "rebuilt"
_ENDS: Final = frozenset((_DONE, "failed"))


class _Said(msgspec.Struct):
    """A line of the process's log, as far as it is looked at."""

    event: str
    done: int = 0
    total: int = 0
    events: int = 0
    partitions: int = 0
    detail: str = ""


def add_to(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The arguments of `rebuild`."""
    rebuild = commands.add_parser("rebuild", help="the tables anew from the log, while the exchange goes on")
    rebuild.add_argument(
        "--resume", action="store_true", help="go on where an interrupted one was (of the same version) instead of anew"
    )


async def run(asked: argparse.Namespace, addresses: Mapping[str, str], out: Callable[[str], None]) -> None:
    """Raises CannotDo."""
    told = {"OUTCRY_REBUILD_RESUME": "true"} if asked.resume else {}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _MODULE,
        cwd=_ROOT,
        env={**os.environ, **addresses, **told},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        last = await _shown(child)
        await child.wait()
    except BaseException:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()
        raise
    if last.event != _DONE:
        raise CannotDo(
            f"The tables were not rebuilt, and the running ones stay: {last.detail or f'it ended with {child.returncode}'}. "
            "Run it again, with --resume to go on where it was."
        )
    out(f"rebuilt from {last.events:,} events of {last.partitions} partitions")


async def _shown(child: asyncio.subprocess.Process) -> _Said:
    """The last line that says how it ends."""
    assert child.stdout is not None, "asked for when it was started"
    live, last = Live(sys.stderr), _Said("")
    try:
        async for line in child.stdout:
            said = msgspec.json.decode(line, type=_Said)
            if said.event == _PROGRESS:
                live.show(f"rebuild {bar(said.done, said.total)} | {said.done:,} of {said.total:,} events")
            elif said.event in _ENDS:
                last = said
    finally:
        live.close()
    return last
