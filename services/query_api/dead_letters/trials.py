"""Dry runs, each in a process of its own: what killed a worker must not kill this one, nor make it wait."""

import asyncio
import os
import sys
from typing import Final

import msgspec

from libs.service.logging import Log
from libs.service.problems import DRY_RUN_FAILED, OVERLOADED, Problem
from services.query_api.dry_run.trial import Trial

_MODULE: Final = "services.query_api.dry_run"
_MOST_SAID: Final = 300
_encode: Final = msgspec.json.Encoder().encode


class Trials:
    """At most so many at the same time, each for so long at most."""

    def __init__(self, logger: Log, at_once: int, timeout_s: float) -> None:
        self._logger = logger
        self._free = at_once
        self._timeout_s = timeout_s

    async def run(self, trial: Trial) -> bytes:
        """What it answers, as JSON. Raises Problem."""
        if not self._free:
            raise Problem(OVERLOADED, "as many dry runs as are allowed are under way")
        self._free -= 1
        try:
            return await self._run(trial)
        finally:
            self._free += 1

    async def _run(self, trial: Trial) -> bytes:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _MODULE, env=dict(os.environ),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._timeout_s):
                said, errors = await child.communicate(_encode(trial))
        except TimeoutError:
            raise Problem(DRY_RUN_FAILED, f"it was ended after {self._timeout_s:g} s: it may never end") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2][-_MOST_SAID:]
            self._logger.warning("dry run failed", code=child.returncode, detail=last)
            raise Problem(DRY_RUN_FAILED, f"its process ended with {child.returncode}: {last}")
        return said
