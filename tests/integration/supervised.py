"""Worker processes that are started again whenever they end, as the runner does it, and how they ended."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

LIMIT_S = 90.0
LOOK_S = 0.05


class Supervised:
    """One process after the other, under one instance id; `told` are more variables of their environment."""

    def __init__(self, kafka: str, directory: Path, instance: str, told: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **told} | {
            "OUTCRY_KAFKA": kafka, "OUTCRY_DATA_DIR": str(directory), "OUTCRY_INSTANCE": instance,
        }  # fmt: skip
        self._path = directory / f"{instance}.log"
        self._log = self._path.open("ab")
        self.ends: list[int] = []
        """Exit codes of those that ended by themselves; negative when a signal ended one."""
        self.process = self._start()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def said(self) -> list[str]:
        """Lines of all of them so far."""
        return self._path.read_text().splitlines()

    def kill(self) -> None:
        """SIGKILL; returns when the next one is started."""
        with self._changed:
            so_far = len(self.ends)
            self.process.kill()
            assert self._changed.wait_for(lambda: len(self.ends) > so_far, LIMIT_S)

    def stop(self) -> int:
        """The exit code of the last one."""
        self._stopping.set()
        self._watching.join()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(LIMIT_S)
        finally:
            self.process.kill()
            self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.orderbook_worker"],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_S):
            code = self.process.poll()
            if code is not None:
                with self._changed:
                    self.ends.append(code)
                    self.process = self._start()
                    self._changed.notify_all()
