"""Kafka, PostgreSQL and Valkey of one benchmark, in a directory that is gone afterwards, whatever happened."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from deploy.local.child import Child, Program
from deploy.local.servers import Addresses, Servers, short_temporary_directory
from deploy.topics import create_and_check

PARTITIONS: Final = 8


@asynccontextmanager
async def directory() -> AsyncIterator[Path]:
    made = short_temporary_directory()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@asynccontextmanager
async def servers(where: Path) -> AsyncIterator[Addresses]:
    """The servers alone, with the topics of the exchange."""
    started = Servers(where, {})
    try:
        addresses = await started.start()
        await create_and_check(addresses.kafka, PARTITIONS)
        yield addresses
    finally:
        started.kill()


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Child]:
    """One more process; it and what it started end with the block."""
    child = Child(program)
    try:
        yield child
    finally:
        child.kill()
