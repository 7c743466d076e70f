"""Logs of the children: one file each, bounded in size, the one before kept.

A child appends (O_APPEND), so its file may be emptied under it: that is how a long run stays bounded.
"""

import os
import shutil
from pathlib import Path

MAX_LOG_BYTES = 32 * 1024 * 1024
KEPT_LOGS = 2


def log_file(directory: Path, name: str) -> Path:
    """The log of the child `name`, rotated when it has grown too big."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{name}.log"
    bound(log)
    return log


def bound(log: Path) -> None:
    """Move what is in an overgrown log to `<name>.log.1` (and that to `.2`), and empty it."""
    if not log.exists() or log.stat().st_size <= MAX_LOG_BYTES:
        return
    for age in range(KEPT_LOGS, 1, -1):
        older = _aged(log, age - 1)
        if older.exists():
            older.replace(_aged(log, age))
    shutil.copyfile(log, _aged(log, 1))
    os.truncate(log, 0)


def _aged(log: Path, age: int) -> Path:
    return log.with_name(f"{log.name}.{age}")
