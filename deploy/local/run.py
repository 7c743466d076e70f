"""The exchange on this machine: infrastructure, topics, services, gateway; watched while they run, stopped in order.

State is in the data directory and nowhere else, and every part of it is safe at any moment: a run that is
killed is continued by the next one exactly as one that was stopped.
"""

import asyncio
import math
import time
from collections.abc import Coroutine
from itertools import groupby
from pathlib import Path
from shlex import quote

from deploy.endpoint import local
from deploy.local.child import Child, Program
from deploy.local.logs import bound
from deploy.local.ports import free_block, require_free
from deploy.local.problem import CannotRun, free_disk, require_free_disk
from deploy.local.roll import Roll
from deploy.local.servers import Addresses, Servers, given_addresses, ports_used
from deploy.local.services import Service, ports_needed, program, services
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervised
from deploy.local.terminal import say
from deploy.probe import ask
from deploy.topics import create_and_check
from libs.kafka.admin import TopicMismatch
from libs.kafka.failures import ClusterMismatch

DEATHS_AT_START = 3
POLL_SECONDS = 0.05
PROBE_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 10.0
LOW_DISK_MB = 256
FOREGROUND_STOP_SECONDS = 1.0
ADDRESS_FILE = "addresses.env"


class Run:
    """One run. `start`, then `until_ended`; `stop` in any case, whatever was started."""

    def __init__(self, settings: LocalSettings, lock: int) -> None:
        self._settings = settings
        self._lock = lock
        of_servers = ports_used(settings.brokers)
        ports = free_block(settings.data_dir, of_servers + ports_needed(settings))
        self._servers = Servers(settings.data_dir, given_addresses(), (lock,), ports[:of_servers], settings.brokers)
        self._all = services(settings, ports[of_servers:])
        self._services: dict[Service, Supervised] = {}
        self._foreground: Child | None = None
        self._watches: list[asyncio.Task[None]] = []
        self._roll = Roll(settings.data_dir)

    async def start(self) -> Addresses:
        """Return when every process says that it is ready. The last line printed is the `ready` line."""
        began = time.monotonic()
        settings = self._settings
        require_free(settings.port)
        require_free_disk(settings.data_dir, settings.min_free_disk_mb)
        say(f"starting Kafka, PostgreSQL and Valkey in {settings.data_dir}")
        addresses = await self._servers.start()
        try:
            await create_and_check(addresses.kafka, settings.partitions, settings.audit_hours, settings.cluster)
        except (TopicMismatch, ClusterMismatch) as mismatch:
            raise CannotRun(f"The topics of {addresses.kafka} do not fit these settings: {mismatch}") from mismatch
        say(f"starting {', '.join(service.instance for service in self._all)}")
        self._start_services(addresses)
        await self._until_ready()
        self._call_roll()
        self._write_addresses(addresses)
        say(
            f"ready  http://127.0.0.1:{settings.port}  "
            f"(after {time.monotonic() - began:.1f} s; logs in {settings.data_dir / 'logs'}; Ctrl-C stops it)"
        )
        return addresses

    async def until_ended(self, foreground: Program | None, *, stays: bool = True) -> int:
        """Watch over all. A `foreground` program has the terminal; when it fails the run ends with its code, and when
        it is done the run `stays` or ends too."""
        for running in self._servers.running:
            self._watch(running.supervised.watch())
        self._watch(self._keep_house())
        if foreground is not None:
            self._foreground = Child(foreground)
            await self._foreground.ended(math.inf)
            if self._foreground.exit_code != 0:
                say(f"{foreground.name} failed ({self._foreground.how_it_ended})")
                return 1
            if not stays:
                return 0
            say("the exchange goes on; Ctrl-C stops it")
        await asyncio.gather(*self._watches)
        return 0

    async def stop(self) -> None:
        """Stop all in order: what takes requests first, what the others write to last."""
        self._address_file.unlink(missing_ok=True)
        self._roll.close()
        for task in self._watches:
            task.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._foreground is not None:
            await self._foreground.stop(FOREGROUND_STOP_SECONDS)
        in_order = sorted(self._services, key=lambda service: service.stop_stage)
        for _, stage in groupby(in_order, key=lambda service: service.stop_stage):
            await asyncio.gather(*(self._services[each].child.stop(each.stop_seconds) for each in stage))
        await self._servers.stop()

    def kill(self) -> None:
        """Stop all at once."""
        for supervised in self._services.values():
            supervised.child.kill()
        if self._foreground is not None:
            self._foreground.kill()
        self._servers.kill()

    @property
    def _address_file(self) -> Path:
        return self._settings.data_dir / ADDRESS_FILE

    def _write_addresses(self, addresses: Addresses) -> None:
        """For `./outcry`, which has no environment of ours; a shell can read it too."""
        found = addresses.as_environment() | {"OUTCRY_URL": f"http://127.0.0.1:{self._settings.port}"}
        self._address_file.write_text(
            "".join(f"{name}={quote(value)}\n" for name, value in found.items()), encoding="utf-8"
        )

    def _start_services(self, addresses: Addresses) -> None:
        for service in self._all:
            what = program(service, self._all, self._settings, addresses, self._lock)
            self._services[service] = Supervised(what)
            self._watch(self._services[service].watch())

    def _call_roll(self) -> None:
        for each in (*self._services.values(), *(running.supervised for running in self._servers.running)):
            each.born = self._roll.enter
            self._roll.enter(each.program.name, each.child.pid)

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + self._settings.ready_seconds
        waiting = set(self._all)
        while waiting:
            await asyncio.sleep(POLL_SECONDS)
            for service in tuple(waiting):
                if await self._is_ready(service):
                    waiting.discard(service)
            if time.monotonic() > deadline:
                names = ", ".join(sorted(service.instance for service in waiting))
                raise CannotRun(
                    f"{names} did not get ready within {self._settings.ready_seconds} s, "
                    f"see {self._settings.data_dir / 'logs'}."
                )

    async def _is_ready(self, service: Service) -> bool:
        supervised = self._services[service]
        if supervised.deaths >= DEATHS_AT_START:
            raise CannotRun(f"{service.instance} cannot start: {supervised.last_words or supervised.child.program.log}")
        return (await ask(local(service.admin_port), "/readyz", PROBE_SECONDS)).status == 200

    async def _keep_house(self) -> None:
        was_low = False
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            for log in (self._settings.data_dir / "logs").glob("*.log"):
                bound(log)
            free = free_disk(self._settings.data_dir)
            if free < LOW_DISK_MB and not was_low:
                say(f"only {free} MB are free on the disk that holds {self._settings.data_dir}")
            was_low = free < LOW_DISK_MB

    def _watch(self, what: Coroutine[None, None, None]) -> None:
        self._watches.append(asyncio.create_task(what))
