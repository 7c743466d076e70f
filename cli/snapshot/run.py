"""`outcry snapshot list|show|verify`: the words that are understood, and the store that they are about."""

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import structlog

from cli.addresses import ROOT, addresses
from cli.parser import Parser
from cli.problem import CannotDo
from cli.snapshot.listing import show_list
from cli.snapshot.showing import show_one
from cli.snapshot.source import Source
from cli.snapshot.verifying import verify
from libs.kafka.adapter import KafkaLog
from libs.service.clock import SystemClock
from libs.service.logging import Log
from libs.service.settings import SettingsError, load
from libs.snapshots.opening import opened
from libs.snapshots.settings import SnapshotSettings

EPILOG: Final = (
    "The store is the worker's: give OUTCRY_SNAPSHOTS, OUTCRY_SNAPSHOTS_URL and OUTCRY_CLUSTER as it has them "
    "(docs/operating/snapshots.md)."
)


class Asked(NamedTuple):
    """`partitions` is empty for all of them, `seq` None for the newest, or for each."""

    action: str
    partitions: tuple[int, ...]
    seq: int | None
    json: bool
    from_start: bool


def add_to(commands: "argparse._SubParsersAction[Parser]") -> None:
    snapshot = commands.add_parser("snapshot", help="saved states of partitions", epilog=EPILOG)
    actions = snapshot.add_subparsers(dest="action", required=True, metavar="list|show|verify")
    listed = actions.add_parser("list", help="what is kept of each partition, by the heads alone", epilog=EPILOG)
    listed.add_argument("partitions", type=int, nargs="*", metavar="PARTITION", help="only these")
    shown = actions.add_parser("show", help="what is in one: products, orders, window, hash", epilog=EPILOG)
    shown.add_argument("partitions", type=int, nargs=1, metavar="PARTITION")
    verified = actions.add_parser(
        "verify", help="restore each, check its invariants, fold the log from it and compare hashes", epilog=EPILOG
    )
    verified.add_argument("partitions", type=int, nargs="*", metavar="PARTITION", help="only these")
    verified.add_argument("--from-start", action="store_true", help="fold the log from its very first event")
    for each in (shown, verified):
        each.add_argument("--seq", type=int, metavar="N", help="the snapshot after event N")
    for each in (listed, shown, verified):
        each.add_argument("--json", action="store_true", help="JSON, an object a line")


def asked_of(parsed: argparse.Namespace) -> Asked:
    return Asked(
        parsed.action,
        tuple(parsed.partitions),
        getattr(parsed, "seq", None),
        parsed.json,
        getattr(parsed, "from_start", False),
    )


async def run(asked: Asked) -> int:
    """The exit code: 1 when something that was verified does not hold. Raises CannotDo, Transient, Fatal."""
    async with opened_source(addresses()) as source:
        return await answer(asked, source, _write)


async def answer(asked: Asked, source: Source, write: Callable[[str], object]) -> int:
    if asked.action == "list":
        await show_list(source, asked.partitions, asked.json, write)
        return 0
    if asked.action == "show":
        await show_one(source, asked.partitions[0], asked.seq, asked.json, write)
        return 0
    return 0 if await verify(source, asked.partitions, asked.seq, asked.from_start, asked.json, write) else 1


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def opened_source(environment: Mapping[str, str]) -> AsyncIterator[Source]:
    """The log, and the worker's store as its settings name it. Raises CannotDo."""
    if not environment.get("OUTCRY_KAFKA"):
        raise CannotDo("Where Kafka is, nobody says: start the exchange with `make up`, or set OUTCRY_KAFKA=host:port.")
    try:
        settings = load(SnapshotSettings, {"OUTCRY_DATA_DIR": str(ROOT / ".outcry")} | dict(environment))
        clock = SystemClock()
        log = KafkaLog(settings.kafka, "outcry-cli")
        logger: Log = structlog.get_logger()  # only saving would say anything
        async with opened(settings, log, clock, logger) as snapshots:
            yield Source(log, snapshots, clock)
    except SettingsError as error:
        raise CannotDo(str(error)) from error
