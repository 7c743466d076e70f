"""Disks of their own for the stores of a run whose disks are to be filled: in memory, so a full one is nobody else's.

Only root may mount, and only Linux mounts like this; elsewhere the stores share the disk of the data directory.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.brokers import broker_directories

BROKER, POSTGRES, VALKEY = "6g", "6g", "1g"
"""What each may hold; memory is taken as it is written."""
MOUNT_SECONDS = 10.0


@contextmanager
def small_disks(directory: Path, brokers: int) -> Iterator[None]:
    """Mounted below an empty `directory` while it lasts, as far as that is allowed."""
    sizes = dict.fromkeys(broker_directories(brokers), BROKER) | {"postgres": POSTGRES, "valkey": VALKEY}
    mounted = [place for name, size in sizes.items() if _mounted(place := directory / name, size)]
    try:
        yield
    finally:
        for place in mounted:
            _run("umount", "--lazy", str(place))


def emptied(directory: Path) -> None:
    """Nothing of an earlier run is left, not even a disk that it could not unmount."""
    for place in directory.glob("*"):
        while place.is_mount():
            if not _run("umount", "--lazy", str(place)):
                break
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)


def _mounted(place: Path, size: str) -> bool:
    place.mkdir(parents=True)
    return _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "outcry", str(place))


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=MOUNT_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
