"""`python -m deploy.local up | demo | chaos | servers | jars`: what the Makefile calls."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Never

from deploy.local.child import Program
from deploy.local.jars import KAFKA_VERSION, install, jar_directory, locked_jars
from deploy.local.lock import lock_cluster, lock_data_directory
from deploy.local.problem import CannotRun, disk_errors
from deploy.local.servers import Addresses, Servers, given_addresses
from deploy.local.services import chaos, demo
from deploy.local.settings import LocalSettings
from deploy.local.small_disks import emptied, small_disks
from deploy.local.terminal import complain, say

USAGE = "usage: python -m deploy.local up|demo|servers|jars, or chaos and its options"
STOP_SECONDS = 9.5  # and half a second to be gone within ten


Foreground = Callable[[LocalSettings, Addresses, int], Awaitable[Program]]


async def _exchange(settings: LocalSettings, lock: int, foreground: Foreground | None, *, stays: bool = True) -> int:
    from deploy.local.run import Run  # the other commands work without a Kafka client

    if kafka := given_addresses().get("OUTCRY_KAFKA"):
        lock_cluster(kafka, settings.cluster)  # held until this process ends
    run = Run(settings, lock)
    try:
        addresses = await run.start()
        return await run.until_ended(foreground and await foreground(settings, addresses, lock), stays=stays)
    finally:
        say("stopping")
        try:
            await asyncio.wait_for(asyncio.shield(run.stop()), STOP_SECONDS)
        except TimeoutError:
            say(f"not everything has stopped within {STOP_SECONDS} s: the rest is killed, and loses nothing by it")
        finally:
            run.kill()
        say("stopped")


async def _demo(settings: LocalSettings, addresses: Addresses, lock: int) -> Program:
    """The traffic, and for the person who watches it a key that is ready to use."""
    from deploy.local.ready_key import ready_key, variables
    from deploy.local.secrets import secrets_key
    from libs.access.scopes import Scope

    directory, sealer = settings.data_dir, secrets_key(settings.data_dir)
    file = await ready_key(directory, addresses.kafka, sealer, "demo", (Scope.VIEW, Scope.TRADE))
    say(f"a key of the account demo, to view and to trade, is in {file}; to sign a request with it:")
    say(f"  . {file}; ./outcry keys sign GET /orders | curl -K - http://127.0.0.1:{settings.port}/orders")
    if settings.auth == "off":
        return demo(settings, addresses, lock, {})
    simulation = await ready_key(directory, addresses.kafka, sealer, "simulation", (Scope.TRADE, Scope.OPERATE))
    return demo(settings, addresses, lock, variables(simulation))


def _understood(options: Sequence[str]) -> bool:
    """Whether these are options of the chaos driver, which says itself what is wrong: before everything is started."""
    parse = "import sys; from sim.__main__ import arguments; arguments(sys.argv[1:])"
    return subprocess.run((sys.executable, "-c", parse, "chaos", *options), check=False).returncode == 0


def _chaos(settings: LocalSettings, lock: int, options: tuple[str, ...]) -> int:
    """On a directory that begins empty, and stays to be looked at."""

    async def tormented(settings: LocalSettings, addresses: Addresses, lock: int) -> Program:
        return chaos(settings, addresses, lock, options)

    with small_disks(settings.data_dir, settings.brokers):
        return asyncio.run(_until_signal(_exchange(settings, lock, tormented, stays=False)))


async def _servers_alone(settings: LocalSettings, lock: int) -> int:
    directory = settings.data_dir
    servers = Servers(directory, {}, (lock,), brokers=settings.brokers)
    try:
        addresses = await servers.start()
        for name, value in addresses.as_environment().items():
            say(f"export {name}='{value}'")
        say("ready  (paste the lines above into another terminal; Ctrl-C stops it)")
        await asyncio.gather(*(running.supervised.watch() for running in servers.running))
        return 0
    finally:
        await servers.stop()


async def _until_signal(work: Coroutine[None, None, int]) -> int:
    """Run `work` and cancel it at the first signal; further signals end the children at once."""
    task = asyncio.create_task(work)
    received: list[int] = []

    def on_signal(number: int) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 0


def _jars() -> int:
    if not jar_directory().is_dir():
        say(f"fetching Kafka {KAFKA_VERSION} ({len(locked_jars())} jars, 44 MB) from Maven Central")
        install()
    return 0


def _main(arguments: list[str]) -> int:
    if arguments == ["jars"]:
        return _jars()
    if arguments not in (["up"], ["demo"], ["servers"]) and arguments[:1] != ["chaos"]:
        complain(USAGE)
        return 2
    if arguments[0] == "chaos" and not _understood(arguments[1:]):
        return 2
    settings = LocalSettings.read()
    with disk_errors(settings.data_dir):
        if arguments[0] == "chaos":
            emptied(settings.data_dir)
        lock = lock_data_directory(settings.data_dir)
        if arguments == ["servers"]:
            return asyncio.run(_until_signal(_servers_alone(settings, lock)))
        if arguments[0] == "chaos":
            return _chaos(settings, lock, tuple(arguments[1:]))
        return asyncio.run(_until_signal(_exchange(settings, lock, _demo if arguments == ["demo"] else None)))


def main() -> Never:
    """Exit with 0 after an orderly stop, 1 with one sentence when the run cannot go on."""
    try:
        sys.exit(_main(sys.argv[1:]))
    except CannotRun as problem:
        complain(str(problem))
        sys.exit(1)


if __name__ == "__main__":
    main()
