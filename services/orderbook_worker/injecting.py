"""Faults on demand, for tests of what a fault does: a client_oid that begins with the agreed prefix says which.

Two settings must be given together, and the second one must name the cluster that is to be broken, so that nobody
switches this on by a slip. Where it is off, nothing of it stands in the path of a command.
"""

import os
import signal
from collections.abc import Callable
from typing import Final, TypeAlias

from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.service.failures import Fatal
from libs.service.logging import Log as Logger

Handle: TypeAlias = Callable[[AnyCommand, int, int], list[AnyEvent]]

SHORTEST_PREFIX: Final = 4
ONCE: Final = "once"
"""An error when the command comes for the first time."""
ALWAYS: Final = "always"
EXIT: Final = "exit"
"""The process dies."""
KILL: Final = "kill"
"""The same, by SIGKILL."""
HANG: Final = "hang"
"""The decision never returns."""


class Injected(Exception):
    """A fault that was asked for."""


def consent(cluster: str) -> str:
    """What the second setting must say."""
    return f"break {cluster}"


def agreed(prefix: str, consented: str, cluster: str, logger: Logger) -> str:
    """The prefix of client_oids that break things; empty where none does. Raises Fatal unless both settings agree."""
    if not prefix and not consented:
        return ""
    if len(prefix) < SHORTEST_PREFIX or consented != consent(cluster):
        raise Fatal(
            f"faults are injected only with OUTCRY_FAULT_PREFIX of {SHORTEST_PREFIX} characters or more and "
            f"OUTCRY_FAULT_CONSENT={consent(cluster)!r}; unset both to trade"
        )
    logger.warning("faults are injected", prefix=prefix)
    return prefix


def injecting(handle: Handle, prefix: str) -> Handle:
    """`handle` itself without a prefix. A fault comes when all is done, so that the state is as wrong as can be."""
    if not prefix:
        return handle

    def broken(command: AnyCommand, offset: int, time: int) -> list[AnyEvent]:
        events = handle(command, offset, time)
        if command.client_oid.startswith(prefix):
            kind = command.client_oid.removeprefix(prefix).split("-")[0]
            _break(kind, command.attempt)
        return events

    return broken


def _break(kind: str, attempt: int) -> None:
    if kind == ALWAYS or (kind == ONCE and not attempt):
        raise Injected(f"{kind}, as was asked for")
    if kind == EXIT:
        os._exit(1)
    if kind == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    while kind == HANG:
        pass
