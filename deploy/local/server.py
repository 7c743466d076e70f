"""What a server of the infrastructure is to the runner, and how one waits until it answers."""

import asyncio
import time
from abc import ABC, abstractmethod

from deploy.local.child import Child, Program
from deploy.local.problem import CannotRun

POLL_SECONDS = 0.03
PROBE_SECONDS = 2.0


class Server(ABC):
    """One server process. `prepare` may take its time once a data directory; `address` holds from then on."""

    name: str
    stop_seconds: float

    @property
    @abstractmethod
    def address(self) -> str:
        """What a client connects to."""

    @abstractmethod
    async def prepare(self) -> None:
        """Make the data directory, if there is none yet."""

    @abstractmethod
    def program(self) -> Program:
        """What to run."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it serves clients now."""

    async def start(self, within: float) -> Child:
        """Start it and return when it answers; `CannotRun` with its last words when it does not."""
        await self.prepare()
        child = Child(self.program())
        deadline = time.monotonic() + within
        try:
            while not await self._probed():
                if child.exit_code is not None:
                    raise CannotRun(f"{self.name} ended at its start ({child.how_it_ended}): {child.last_line()}")
                if time.monotonic() > deadline:
                    raise CannotRun(f"{self.name} did not answer within {within:.0f} s, see {child.program.log}.")
                await asyncio.sleep(POLL_SECONDS)
        except BaseException:
            child.kill()
            raise
        return child

    async def _probed(self) -> bool:
        try:
            return await asyncio.wait_for(self.answers(), PROBE_SECONDS)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False


async def exchange(port: int, request: bytes, answer_bytes: int) -> bytes:
    """Send `request` to a local port and read `answer_bytes` of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.readexactly(answer_bytes)
    finally:
        writer.close()


async def run_once(program: Program, within: float) -> None:
    """Run a step of a preparation to its end; `CannotRun` with its last words when it fails."""
    child = Child(program)
    try:
        ended = await child.ended(within)
    finally:
        child.kill()
    if not ended or child.exit_code != 0:
        raise CannotRun(f"{program.name} failed ({child.how_it_ended}): {child.last_line()}")
