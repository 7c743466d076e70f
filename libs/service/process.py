"""The life of a process: settings, logs, signals, the admin port, one main coroutine, and a truthful exit code.

`run` is all a service's `__main__.py` needs. SIGTERM and SIGINT set `Process.stop`; the main coroutine watches it
and returns. Whatever main raises ends the process with one error line and a non-zero code: its supervisor starts it anew.
"""

import asyncio
import contextlib
import gc
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final, Generic, NoReturn, TypeVar

import uvloop
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from libs.service.admin import admin_app
from libs.service.clock import Clock, SystemClock
from libs.service.failures import Fatal, Transient
from libs.service.health import Health
from libs.service.http import HttpServer
from libs.service.logging import Log, configure
from libs.service.metrics import Metrics
from libs.service.settings import Settings, SettingsError, describe, load, unknown_variables

S = TypeVar("S", bound=Settings)

EXIT_FAILED: Final = 1
EXIT_SETTINGS: Final = 2
_RUNNERS_VARIABLES: Final = ("OUTCRY_PORT", "OUTCRY_DATA_DIR", "OUTCRY_SERVERS")
"""Read by the local runner and the tests, and inherited by what they start."""
_GC_THRESHOLDS: Final = (50_000, 20, 50)
"""The defaults collect after 700 allocations, which at 100,000 messages a second is all the time."""


class Process(Generic[S]):
    """What the main coroutine of a service gets."""

    def __init__(self, name: str, settings: S, log: Log, clock: Clock, chance: random.Random | None = None) -> None:
        self.name = name
        self.settings = settings
        self.log = log
        self.clock = clock
        self.chance = chance or random.Random()  # noqa: S311  # seeded by the operating system; no secret comes from it
        """Random bits of ids, and jitter."""
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.health = Health(settings.health_timeout_ms / 1000)
        self.stop = asyncio.Event()

    def settle(self) -> None:
        """Call when the long-lived state is loaded: the collector then never looks at it again."""
        gc.collect()
        gc.freeze()


def run(name: str, settings_type: type[S], main: Callable[[Process[S]], Awaitable[None]]) -> NoReturn:
    """Run a service until it is told to stop, or fails. Never returns."""
    try:
        settings = load(settings_type, os.environ)
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)  # no logger before there are settings
        sys.exit(EXIT_SETTINGS)
    log = configure(name, settings.instance, settings.log_level)
    log.info("settings", pid=os.getpid(), **describe(settings))
    for sentence in unknown_variables(settings_type, os.environ, _RUNNERS_VARIABLES):
        log.warning("unknown variable", detail=sentence)
    gc.set_threshold(*_GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_life(name, settings, log, main))
    log.info("ended", code=code)
    sys.exit(code)


async def _life(name: str, settings: S, log: Log, main: Callable[[Process[S]], Awaitable[None]]) -> int:
    process = Process(name, settings, log, SystemClock())
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=process.registry)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _told_to_stop, process, signal.Signals(number).name)
    admin = HttpServer(
        admin_app(name, settings.instance, process.health, process.registry), settings.host, settings.admin_port
    )
    try:
        await admin.start()
        log.info("admin", address=f"http://{admin.host}:{admin.port}")
        await _until_stopped(process, main)
    except (Fatal, Transient) as error:
        log.error("failed", error=type(error).__name__, detail=str(error))  # noqa: TRY400  # the message says all
        return EXIT_FAILED
    except Exception as error:
        log.exception("failed", error=type(error).__name__, detail=str(error))
        return EXIT_FAILED
    finally:
        process.health.ready(False, "stopping")
        await admin.stop()
    return 0


def _told_to_stop(process: Process[S], name: str) -> None:
    process.log.info("stopping", signal=name)
    process.health.ready(False, "stopping")
    process.stop.set()


async def _until_stopped(process: Process[S], main: Callable[[Process[S]], Awaitable[None]]) -> None:
    """Run main. Once told to stop it has `stop_timeout_ms`, then it is cancelled and that is a failure."""
    work = asyncio.ensure_future(main(process))
    told = asyncio.ensure_future(process.stop.wait())
    await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    limit = process.settings.stop_timeout_ms / 1000
    if not work.done():
        await asyncio.wait({work}, timeout=limit)
    if not work.done():
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        raise TimeoutError(f"the work in hand did not end within {limit:g} s of the signal")
    work.result()
