"""Two runs of the exchange that many tests share: one that believes headers, and one where everybody signs."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deploy.local.secrets import secrets_key
from deploy.local.servers import short_temporary_directory
from libs.access.desk import KeyDesk
from libs.access.keys import Shown
from libs.access.scopes import Scope
from libs.access.sealing import Sealer
from libs.kafka.adapter import KafkaLog
from libs.service.clock import SystemClock
from tests.e2e.stack import Stack

MakeKey = Callable[[str, Scope], Shown]


@contextmanager
def running(**told: str) -> Iterator[Stack]:
    directory = short_temporary_directory()
    run = Stack(directory, **told)
    try:
        asyncio.run(run.start())
        yield run
    finally:
        run.kill()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """What was claimed and never published is published by a repeat after two seconds, and not after fifteen."""
    with running(OUTCRY_PENDING_MS="2000") as run:
        yield run


@pytest.fixture(scope="session")
def secured() -> Iterator[Stack]:
    """A key may ask ten times a second, and three hundred times at once."""
    with running(OUTCRY_AUTH="required", OUTCRY_LIMIT_KEY_PER_S="10", OUTCRY_LIMIT_KEY_BURST="300") as run:
        yield run


@pytest.fixture(scope="session")
def make_key(secured: Stack) -> MakeKey:
    """A key of an account, as `./outcry keys create` makes it."""

    async def make(account: str, scope: Scope) -> Shown:
        log = KafkaLog(secured.addresses.kafka, "tests-keys")
        desk = KeyDesk(log, SystemClock(), "tests")
        _, shown = await desk.create(Sealer.parse(secrets_key(secured.data)), account, [scope])
        return shown

    return lambda account, scope: asyncio.run(make(account, scope))
