"""The whole exchange as `make up` runs it, for a test that kills parts of it: on a directory and a port of its own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.ports import free_block
from sim.settings import Addresses

ROOT = Path(__file__).resolve().parents[2]
READY_S = 90.0
STOP_S = 10.0
LOOK_S = 0.05
HURRIED = f"{Path(__file__).parent / 'hurried'}:{ROOT}"
"""As PYTHONPATH: commands that wait come back within tenths of a second."""


async def until(condition: Callable[[], object], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(LOOK_S)


class Stack:
    """`python -m deploy.local up` with two workers; `told` are more variables of its environment."""

    def __init__(self, directory: Path, **told: str) -> None:
        self.data = directory / "data"
        self._told = told
        self._output = directory / "terminal"
        self._port = free_block(self.data / "gateway", 1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def addresses(self) -> Addresses:
        """Known while it runs: the runner tells every process."""
        told = environment(self.pid("query-api-1"))
        return Addresses(self.url, told["OUTCRY_KAFKA"], told["OUTCRY_POSTGRES"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._spawn()
        await until(lambda: "\nready  " in self.terminal() or self._ended(), "the ready line", READY_S)
        assert not self._ended(), self.terminal()

    async def stop(self) -> None:
        """As Ctrl-C does: in order, within ten seconds, and nothing is left."""
        assert self._process is not None, "started before"
        pids = self.pids()
        self._process.send_signal(signal.SIGINT)
        await until(self._ended, "the runner to end", STOP_S)
        assert all(_is_gone(pid) for pid in pids.values()), pids

    def kill(self) -> None:
        """Whatever state it is in: the children end with their runner."""
        if self._process is not None and not self._ended():
            self._process.kill()
            self._process.wait()

    def terminal(self) -> str:
        return self._output.read_text()

    def pids(self) -> dict[str, int]:
        """Processes of this run by instance, as their environment says."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            told = environment(int(entry.name))
            if told.get("OUTCRY_DATA_DIR") == str(self.data) and "OUTCRY_INSTANCE" in told:
                found[told["OUTCRY_INSTANCE"]] = int(entry.name)
        return found

    def pid(self, instance: str) -> int:
        return self.pids()[instance]

    async def kill_one(self, instance: str) -> None:
        """SIGKILL, and wait until its supervisor has started it anew."""
        pid = self.pid(instance)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: self.pids().get(instance, pid) != pid, f"{instance} to be started again", READY_S)

    def _spawn(self) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
        told = {"OUTCRY_DATA_DIR": str(self.data), "OUTCRY_PORT": str(self._port), "OUTCRY_WORKERS": "2"}
        told |= self._told
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "up"],
                cwd=ROOT,
                env=ours | told,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None


def environment(pid: int) -> dict[str, str]:
    """Of a process; empty where there is none."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(variable.split("=", 1) for variable in variables if "=" in variable)


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
