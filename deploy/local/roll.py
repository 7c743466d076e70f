"""Who runs: the process of each name, in a file beside the state, for programs that watch a run or torment it.

A process that is started again takes the place of the one before it at once; no file, no run.
"""

import json
from pathlib import Path

ROLL_FILE = "processes.json"


class Roll:
    """`{"orderbook-worker-1": 4711, …}` in `directory`; each process leads a process group of its own."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / ROLL_FILE
        self._pids: dict[str, int] = {}

    def enter(self, name: str, pid: int) -> None:
        """A reader finds the old roll or the new one, never half of it."""
        self._pids[name] = pid
        unfinished = self._file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(self._pids), encoding="utf-8")
        unfinished.replace(self._file)

    def close(self) -> None:
        self._file.unlink(missing_ok=True)
