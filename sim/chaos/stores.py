"""Faults of what the exchange stands on: a full disk, and connections that break.

A disk is filled only where the run has given the store one of its own. Connections are destroyed by the kernel, which
only root may ask for; those of PostgreSQL, which are Unix sockets, by the server itself.
"""

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from sim.chaos.trouble import Impossible

BALLAST: Final = "ballast"
PIECE_BYTES: Final = 1 << 20
CUT_S: Final = 10.0
CONNECTED_S: Final = 10.0
"""Until whoever was cut off before has connected again."""
LOOK_EVERY_S: Final = 0.1
DATABASE: Final = "postgres"
"""Its directory below that of a run; the others' have their names."""


class Stores:
    def __init__(self, directory: Path, kafka: str, postgres: str, redis: str) -> None:
        self._directory = directory
        self._postgres = postgres
        brokers = [address.rpartition(":")[2] for address in kafka.split(",")]
        named = {f"Kafka-{number}": port for number, port in enumerate(brokers, 1)} | {"Kafka": brokers[0]}
        self._ports = named | {"Valkey": str(urlsplit(redis).port)}

    def require_disk(self, name: str) -> None:
        """Raises Impossible where a full disk would be everybody's."""
        if not os.path.ismount(self._disk(name)):
            raise Impossible(f"{name} has no disk of its own here: mounting one takes root, on Linux")

    def require_cut(self) -> None:
        if os.geteuid() != 0:
            raise Impossible("only root may destroy connections of others")

    async def fill(self, name: str, seconds: float) -> None:
        """Nothing can be written for so long."""
        with _ballast(self._disk(name) / BALLAST) as topped_up:
            ends = asyncio.get_running_loop().time() + seconds
            while asyncio.get_running_loop().time() < ends:
                await asyncio.to_thread(topped_up)
                await asyncio.sleep(0.1)

    async def cut(self, name: str) -> None:
        """Every connection to a store breaks at once. Raises Impossible where the kernel will not do it."""
        if name == "PostgreSQL":
            await self._terminate()
            return
        deadline = asyncio.get_running_loop().time() + CONNECTED_S
        while not await self._destroyed(name):
            if asyncio.get_running_loop().time() > deadline:
                raise Impossible(f"the kernel destroyed no connection of {name}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _destroyed(self, name: str) -> bool:
        """Whether there was a connection, and the kernel has ended it."""
        command = ("ss", "--no-header", "--tcp", "--kill", "state", "connected", "sport", "=", f":{self._ports[name]}")
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except FileNotFoundError as error:
            raise Impossible("there is no program `ss` here") from error
        said, _ = await asyncio.wait_for(process.communicate(), CUT_S)
        return process.returncode == 0 and bool(said.strip())

    async def _terminate(self) -> None:
        connection = await asyncpg.connect(self._postgres, timeout=CUT_S, command_timeout=CUT_S)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        finally:
            await connection.close(timeout=CUT_S)

    def _disk(self, name: str) -> Path:
        return self._directory / (DATABASE if name == "PostgreSQL" else name.lower())


@contextmanager
def _ballast(file: Path) -> Iterator["_Filling"]:
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        yield _Filling(descriptor)
    finally:
        os.close(descriptor)
        file.unlink()


class _Filling:
    """Takes what is free, again and again: a store gives back what it could not use."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._taken = 0

    def __call__(self) -> None:
        piece = PIECE_BYTES
        while piece >= 1:
            try:
                os.posix_fallocate(self._descriptor, self._taken, piece)
                self._taken += piece
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece //= 4
