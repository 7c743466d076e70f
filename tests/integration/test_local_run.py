"""The whole local run as a person has it: started, its processes killed, itself killed, started again, stopped."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.ports import free_block

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 60.0
STOP_SECONDS = 10.0


def until(condition: Callable[[], object], what: str, seconds: float = LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class LocalRun:
    """`python -m deploy.local up` on a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_block(directory / "gateway", 1)[0]
        self._output = directory / "terminal"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.end()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "up"],
                cwd=ROOT,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(lambda: "\nready  " in self.terminal() or self.exit_code() is not None, "the ready line")
        assert self.exit_code() is None, self.terminal()

    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
        return ours | {"OUTCRY_DATA_DIR": str(self.directory / "data"), "OUTCRY_PORT": str(self.port)}

    def terminal(self) -> str:
        return self._output.read_text()

    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except (urllib.error.URLError, ConnectionError):
            return False

    def pid_of(self, instance: str) -> int:
        """The process whose environment names the instance, among those of this run."""
        wanted = f"OUTCRY_INSTANCE={instance}".encode()
        ours = f"OUTCRY_DATA_DIR={self.directory / 'data'}".encode()
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                variables = environment.read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in variables and ours in variables:
                return int(environment.parent.name)
        raise AssertionError(f"{instance} does not run")

    def nothing_runs(self) -> bool:
        """Whether the last process that holds the data directory's lock is gone."""
        with (self.directory / "data" / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def local_run(tmp_path: Path) -> Iterator[LocalRun]:
    run = LocalRun(tmp_path)
    yield run
    run.end()
    until(run.nothing_runs, "every process of the run to end", STOP_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_it_survives_its_processes_and_itself(local_run: LocalRun) -> None:
    local_run.start()
    last_line = local_run.terminal().splitlines()[-1]
    assert re.match(rf"ready  http://127\.0\.0\.1:{local_run.port}  ", last_line)
    assert local_run.is_ready()

    killed = local_run.pid_of("orderbook-worker-1")
    os.kill(killed, signal.SIGKILL)
    told = "orderbook-worker-1 ended (signal SIGKILL), starting it again in 0.2 s"
    until(lambda: told in local_run.terminal(), "the runner to say so")
    until(local_run.is_ready, "the exchange to be ready again")
    assert local_run.pid_of("orderbook-worker-1") != killed

    second = subprocess.run(
        [sys.executable, "-m", "deploy.local", "up"],
        cwd=ROOT,
        env=local_run.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert re.fullmatch(r".* is in use by the run with process id \d+: [^\n]*\n", second.stderr)

    local_run.signal(signal.SIGKILL)
    until(local_run.nothing_runs, "the orphans to end", STOP_SECONDS)

    local_run.start()
    assert local_run.is_ready()
    began = time.monotonic()
    local_run.signal(signal.SIGTERM)
    until(lambda: local_run.exit_code() is not None, "an orderly end", STOP_SECONDS)
    assert time.monotonic() - began < STOP_SECONDS
    assert local_run.exit_code() == 0
    assert local_run.terminal().splitlines()[-2:] == ["stopping", "stopped"]
    assert local_run.nothing_runs()
