"""Kafka, PostgreSQL and Valkey together: those whose address the environment gives are used as they are, the
others are started from the wheels, all at once, with their state below one directory."""

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.brokers import brokers
from deploy.local.logs import log_file
from deploy.local.ports import free_block
from deploy.local.postgres import Postgres
from deploy.local.server import Server
from deploy.local.supervisor import Supervised
from deploy.local.valkey import Valkey

START_SECONDS = 120.0
KAFKA, POSTGRES, REDIS = "OUTCRY_KAFKA", "OUTCRY_POSTGRES", "OUTCRY_REDIS"


@dataclass(frozen=True)
class Addresses:
    """Where clients find the infrastructure; the environment of every service."""

    kafka: str
    postgres: str
    redis: str

    def as_environment(self) -> dict[str, str]:
        return {KAFKA: self.kafka, POSTGRES: self.postgres, REDIS: self.redis}


@dataclass
class Running:
    """A server of ours, which has answered."""

    server: Server
    supervised: Supervised


@dataclass
class Servers:
    """The infrastructure of one run. `start` once, `stop` or `kill` at the end."""

    directory: Path
    given: Mapping[str, str]
    inherit: tuple[int, ...] = ()
    ports: tuple[int, ...] = ()  # `ports_used` of them; chosen by the directory when not given
    brokers: int = 1
    running: list[Running] = field(default_factory=list)

    async def start(self) -> Addresses:
        """Start what the environment does not give; all or nothing."""
        ours = self._ours()
        try:
            async with asyncio.TaskGroup() as group:
                for server in (each for servers in ours.values() for each in servers):
                    group.create_task(self._start(server))
        except BaseExceptionGroup as failures:
            self.kill()
            raise failures.exceptions[0] from failures
        except BaseException:
            self.kill()
            raise
        found = dict(self.given) | {
            variable: ",".join(server.address for server in servers) for variable, servers in ours.items()
        }
        return Addresses(found[KAFKA], found[POSTGRES], found[REDIS])

    async def stop(self) -> None:
        """Stop all in an orderly way, at the same time."""
        await asyncio.gather(*(each.supervised.child.stop(each.server.stop_seconds) for each in self.running))
        self.running.clear()

    def kill(self) -> None:
        """Stop all at once; their state is what a crash would leave."""
        for each in self.running:
            each.supervised.child.kill()
        self.running.clear()

    async def _start(self, server: Server) -> None:
        child = await server.start(START_SECONDS)
        self.running.append(Running(server, Supervised(child.program, child)))

    def _ours(self) -> dict[str, Sequence[Server]]:
        ports = self.ports or free_block(self.directory, ports_used(self.brokers))
        logs, (postgres, redis, *kafka) = self.directory / "logs", ports
        self.directory.mkdir(parents=True, exist_ok=True)
        servers: dict[str, Sequence[Server]] = {
            POSTGRES: [Postgres(self.directory / "postgres", log_file(logs, "postgres"), postgres, self.inherit)],
            REDIS: [Valkey(self.directory / "valkey", log_file(logs, "valkey"), redis, self.inherit)],
        }
        if KAFKA not in self.given:
            servers[KAFKA] = brokers(self.directory, logs, kafka[: 2 * self.brokers], self.inherit)
        return {variable: ours for variable, ours in servers.items() if variable not in self.given}


def ports_used(brokers: int) -> int:
    """Of all servers together."""
    return 2 + 2 * brokers


def given_addresses() -> dict[str, str]:
    """The addresses that the environment gives."""
    return {name: os.environ[name] for name in (KAFKA, POSTGRES, REDIS) if os.environ.get(name)}


def short_temporary_directory() -> Path:
    """A directory for servers that are thrown away; its path is short enough for a Unix socket."""
    return Path(tempfile.mkdtemp(prefix="outcry-"))
