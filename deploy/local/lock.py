"""One run a data directory.

The lock is inherited by every child, so it is free only when the last process of a run is gone, even if its
runner was killed. A run whose runner is dead is about to end: it is waited for. A run whose runner lives is not.
"""

import fcntl
import hashlib
import os
import tempfile
import time
from pathlib import Path

from deploy.local.problem import CannotRun

WAIT_SECONDS = 15
POLL_SECONDS = 0.05


def lock_data_directory(directory: Path) -> int:
    """Lock `directory` for this process and its children; returns the descriptor that they must inherit."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + WAIT_SECONDS
    while not _try_lock(descriptor):
        owner = os.pread(descriptor, 32, 0).decode().strip()
        if _is_alive(owner):
            os.close(descriptor)
            raise CannotRun(
                f"{directory} is in use by the run with process id {owner}: stop that one, "
                "or set OUTCRY_DATA_DIR and OUTCRY_PORT."
            )
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise CannotRun(f"Servers of an earlier run still work on {directory}: see its logs, and end them.")
        time.sleep(POLL_SECONDS)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def lock_cluster(kafka: str, cluster: str) -> int:
    """Lock the instance names of `cluster` on a Kafka that several data directories may share.

    Two processes of one instance name take the partitions from each other for ever, without an error.
    """
    digest = hashlib.sha256(f"{kafka} {cluster}".encode()).hexdigest()[:16]
    descriptor = os.open(Path(tempfile.gettempdir()) / f"outcry-{digest}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    if not _try_lock(descriptor):
        os.close(descriptor)
        raise CannotRun(f"Another run serves the cluster {cluster!r} on {kafka}: stop that one.")
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
