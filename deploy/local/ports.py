"""Ports of one local run, all on 127.0.0.1.

They come in a block derived from the data directory, so that a second start finds the same numbers and two data
directories do not meet. The blocks lie below the range from which the kernel takes the ports of outgoing
connections, so no client can sit on one by chance.
"""

import hashlib
import socket
from pathlib import Path

from deploy.endpoint import LOOPBACK
from deploy.local.problem import CannotRun

FIRST_PORT = 20_000
BLOCK = 48
BLOCKS = 250


def free_block(directory: Path, size: int) -> tuple[int, ...]:
    """`size` free ports: the block of `directory`, or the next one that is free."""
    if size > BLOCK:
        raise CannotRun(f"This run needs {size} ports and a data directory has {BLOCK}: use fewer workers.")
    digest = hashlib.sha256(str(directory.resolve()).encode()).digest()
    first = int.from_bytes(digest[:4], "big") % BLOCKS
    for step in range(BLOCKS):
        start = FIRST_PORT + ((first + step) % BLOCKS) * BLOCK
        ports = tuple(range(start, start + size))
        if all(is_free(port) for port in ports):
            return ports
    raise CannotRun(f"No {size} neighbouring ports are free on {LOOPBACK} above {FIRST_PORT}.")


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(port: int) -> None:
    """Refuse, in a sentence, when somebody listens on the exchange's own port."""
    if not is_free(port):
        raise CannotRun(f"Port {port} of {LOOPBACK} is in use: stop what listens there, or set OUTCRY_PORT.")
