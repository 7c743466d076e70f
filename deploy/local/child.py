"""A child process: how it is started, watched and stopped.

Each child has its own session, so that Ctrl-C reaches the runner alone, which then stops all in order. Each
inherits the lock of the data directory: as long as one of them lives, nobody else starts on the same data.
"""

import asyncio
import json
import math
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.orphan import before_exec

POLL_SECONDS = 0.02
WATCH_SECONDS = 0.1
_BEGINS, _FAILED = "settings", "failed"
"""What every service logs first, and what it logs when it ends because of an error."""
LAST_LINE_BYTES = 65_536


@dataclass(frozen=True)
class Program:
    """What to run. Without a `log` it writes to the terminal."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path | None
    inherit: tuple[int, ...] = ()
    stop_signal: int = signal.SIGTERM
    orphan_signal: int = signal.SIGKILL
    user: pwd.struct_passwd | None = field(default=None)


class Child:
    """A started `Program`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.started = time.monotonic()
        self._process = _spawn(program)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    @property
    def how_it_ended(self) -> str:
        code = self.exit_code
        if code is None:
            return "still running"
        return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"

    def ask_to_stop(self) -> None:
        """Send the program's stop signal; harmless when it has ended."""
        if self.exit_code is None:
            self._process.send_signal(self.program.stop_signal)

    async def stop(self, within: float) -> bool:
        """Ask it to end and wait; kill its whole session afterwards. False when it had to be killed."""
        self.ask_to_stop()
        ended = await self.ended(within)
        self.kill()
        return ended

    def kill(self) -> None:
        """End the process and whatever it started, at once, and reap it."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        except PermissionError:  # nothing left there but zombies of another user
            pass
        self._process.wait()

    async def ended(self, within: float) -> bool:
        """Wait for its end for at most `within` seconds."""
        deadline = time.monotonic() + within
        pause = POLL_SECONDS if within < math.inf else WATCH_SECONDS
        while self.exit_code is None:
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(pause)
        return True

    def last_line(self) -> str:
        """The last line it logged, for a person who wants to know why it died."""
        return last_line(self.program.log)


def last_line(log: Path | None) -> str:
    """Why it ended, where it said so; else the last line of a log that is not blank, or an empty string."""
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LAST_LINE_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return _reason(lines) or (_in_words(lines[-1]) if lines else "")


def _reason(lines: Sequence[str]) -> str:
    """What a service said that it failed with in its last life, whatever libraries said after it."""
    for line in reversed(lines):
        record = _record(line)
        if record.get("event") == _FAILED:
            return _in_words(line)
        if record.get("event") == _BEGINS:
            break
    return ""


def _in_words(line: str) -> str:
    """A structured line as `event: detail`, any other line as it is."""
    record = _record(line)
    words = [str(record[key]) for key in ("event", "error", "detail") if record.get(key)]
    return ": ".join(words) if record else line


def _record(line: str) -> dict[str, object]:
    """A structured line; nothing of any other."""
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    if program.log is None:
        return _popen(program, None)
    with program.log.open("ab") as log:
        return _popen(program, log.fileno())


def _popen(program: Program, output: int | None) -> subprocess.Popen[bytes]:
    prepare = before_exec(os.getpid(), program.orphan_signal, program.user)
    return subprocess.Popen(
        program.argv,
        env=dict(program.environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=program.inherit,
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509  it makes a few system calls and takes no lock
    )
