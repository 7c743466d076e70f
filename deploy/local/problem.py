"""The one exception of the local run: what a person must know, in one sentence.

Whoever raises it has written the sentence; whoever catches it prints it and exits with a code other than zero.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTE = 1024 * 1024


class CannotRun(Exception):
    """The local run cannot go on; the message is one sentence for a person, and says what to do."""


def free_disk(directory: Path) -> int:
    """Free megabytes of the disk that holds `directory`."""
    return shutil.disk_usage(directory).free // MEGABYTE


def require_free_disk(directory: Path, megabytes: int) -> None:
    """Refuse when the disk that holds `directory` has less than `megabytes` free."""
    free = free_disk(directory)
    if free < megabytes:
        raise CannotRun(
            f"The disk that holds {directory} has {free} MB free and {megabytes} MB are needed: "
            "free some, or set OUTCRY_DATA_DIR to another disk."
        )


@contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Turn what a full or unwritable disk does to us into a sentence that names the directory."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise CannotRun(f"The disk that holds {directory} is full: free some space and start again.") from error
        if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
            raise CannotRun(f"{error.filename or directory} cannot be written: set OUTCRY_DATA_DIR.") from error
        raise
