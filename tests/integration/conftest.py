"""A broker for the module that asks: its topics have fixed names, and hold that module's commands and no others."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import POSTGRES, REDIS, Servers, short_temporary_directory
from deploy.topics import create_and_check

PARTITIONS = 4


@pytest.fixture(scope="module")
def kafka() -> Iterator[tuple[str, Path]]:
    """Its address, and a directory for those who use it."""
    directory = short_temporary_directory()
    servers = Servers(directory, {POSTGRES: "unused", REDIS: "unused"})

    async def started() -> str:
        addresses = await servers.start()
        await create_and_check(addresses.kafka, PARTITIONS)
        return addresses.kafka

    try:
        yield asyncio.run(started()), directory
    finally:
        servers.kill()
        shutil.rmtree(directory, ignore_errors=True)
