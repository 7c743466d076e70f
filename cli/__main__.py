"""`outcry events tail`, `outcry keys`, `outcry audit`, …: one entry for everything a person asks of an exchange."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from typing import Final

import msgspec

from cli import keys, partitions, rebuild
from cli.addresses import addresses
from cli.audit.run import Wanted as Audited
from cli.audit.run import audit
from cli.dlq import run as dlq
from cli.parser import Parser
from cli.problem import CannotDo
from cli.replay import Core, tallied
from cli.snapshot import run as snapshot
from cli.start import EARLIEST, EXAMPLES, LATEST, Start, parse
from cli.tail import Wanted, tail, write
from libs.kafka.adapter import KafkaLog
from libs.service.failures import Fatal, Transient
from sim.live import Live
from sim.market_by_order import NoRecording
from sim.replaying import add_replay
from sim.sources import opened

GC_THRESHOLDS: Final = (100_000, 50, 100)
"""Of an engine in this process: a book is many objects without a cycle, and the defaults look at them all the time."""
PASSED_ON: Final = {
    "check": "compare orders, order-events, Postgres and the API (python -m sim check)",
    "traders": "simulated makers and takers until stopped (python -m sim traders)",
}
"""Commands of the simulation, which is a program of its own."""


def parser() -> Parser:
    found = Parser(
        prog="outcry",
        description="The command line of the exchange.",
        epilog="Kafka is found by OUTCRY_KAFKA, or by what a local run writes into OUTCRY_DATA_DIR (.outcry).",
    )
    commands = found.add_subparsers(dest="command", required=True, metavar="command")
    events = commands.add_parser("events", help="the log of everything that happened")
    actions = events.add_subparsers(dest="action", required=True, metavar="tail")
    shown = actions.add_parser("tail", help="show committed events as they come")
    shown.add_argument("--product", metavar="ID", help="only this product, such as BTC-USD")
    shown.add_argument(
        "--from", dest="start", type=_start, default=Start(word="latest"), metavar="WHERE", help=EXAMPLES
    )
    shown.add_argument("--json", action="store_true", help="a JSON object a line")
    shown.add_argument("--no-follow", action="store_true", help="stop at the present end of the log")
    _add_audit(commands)
    snapshot.add_to(commands)
    keys.add_to(commands)
    dlq.add_to(commands)
    partitions.add_to(commands)
    rebuild.add_to(commands)
    _add_replay(commands)
    for name, text in PASSED_ON.items():
        commands.add_parser(name, help=text, add_help=False)
    return found


def _add_audit(commands: "argparse._SubParsersAction[Parser]") -> None:
    text = "decide commands again, and compare with the events that were published"
    asked = commands.add_parser("audit", help=text, description=text[0].upper() + text[1:] + ".")
    asked.add_argument(
        "--partition", type=_partition, action="append", default=[], metavar="N", help="only this one; may be repeated"
    )
    for option, default, what in (
        ("--from", EARLIEST, "the first command"),
        ("--to", LATEST, "the first one left out"),
    ):
        asked.add_argument(
            option,
            dest={"--from": "start", "--to": "end"}[option],
            type=_start,
            default=Start(word=default),
            metavar="WHERE",
            help=f"{what}, by its place in orders: {EXAMPLES} ({default})",
        )
    asked.add_argument(
        "--snapshots", action="store_true", help="begin at the newest snapshot before the range, not at the first event"
    )
    asked.add_argument("--json", action="store_true", help="one JSON object instead of lines")


def _add_replay(commands: "argparse._SubParsersAction[Parser]") -> None:
    text = "put a recorded market through the exchange, and check it; or through the engine alone"
    asked = commands.add_parser("replay", help=text, description=text[0].upper() + text[1:] + ".")
    add_replay(asked)
    asked.add_argument(
        "--products", metavar="N", default="1", help="the demo's recording on so many markets at once (1)"
    )
    asked.add_argument("--core", action="store_true", help="the engine alone, in this process: no exchange is needed")


def _partition(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no partition: they count from 0")
    return int(text)


def _start(text: str) -> Start:
    try:
        return parse(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(given: Sequence[str]) -> int:
    """0, 1 with one sentence when it cannot be done or an audit finds a difference, 2 for wrong arguments."""
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what it says of a log that is away, we say once
    asked, rest = parser().parse_known_args(given)
    if asked.command in PASSED_ON or (asked.command == "replay" and not asked.core):
        os.execve(sys.executable, [sys.executable, "-m", "sim", *given], {**os.environ, **addresses()})  # noqa: S606  no shell is wanted
    if rest:
        parser().error(f"unknown arguments: {' '.join(rest)}")
    try:
        if asked.command == "replay":
            return _replay(asked)
        return asyncio.run(_until_ended(_answer(asked)))
    except (CannotDo, NoRecording) as problem:
        print(problem, file=sys.stderr)
        return 1
    except (Transient, Fatal) as problem:
        print(f"The log cannot be read: {problem}. Is the exchange running? Start it with: make up", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0 if asked.command == "events" else 130
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _answer(asked: argparse.Namespace) -> Coroutine[None, None, int]:
    if asked.command == "snapshot":
        return snapshot.run(snapshot.asked_of(asked))
    if asked.command == "dlq":
        return dlq.run(asked, {**os.environ, **addresses()}, write)
    if asked.command == "keys":
        return _keys(asked)
    if asked.command == "rebuild":
        return _rebuild(asked)
    if asked.command == "partitions":
        return _partitions(asked)
    return _audit(asked) if asked.command == "audit" else _tail(asked)


def _kafka() -> str:
    kafka = addresses().get("OUTCRY_KAFKA")
    if not kafka:
        raise CannotDo(
            "Where Kafka is, nobody says: start the exchange with `make up`, or set OUTCRY_KAFKA=host:port "
            "(OUTCRY_DATA_DIR if its state is elsewhere than .outcry)."
        )
    return kafka


def _log() -> KafkaLog:
    return KafkaLog(_kafka(), "outcry-cli")


async def _until_ended(work: Coroutine[None, None, int]) -> int:
    """SIGTERM ends it as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


async def _tail(asked: argparse.Namespace) -> int:
    await tail(_log(), Wanted(asked.product, asked.start, asked.json, not asked.no_follow))
    return 0


async def _audit(asked: argparse.Namespace) -> int:
    live = Live(sys.stderr)
    wanted = Audited(asked.partition, asked.start, asked.end)
    try:
        if asked.snapshots:
            async with snapshot.opened_source(addresses()) as source:
                report = await audit(source.log, wanted._replace(snapshots=source.snapshots), live)
        else:
            report = await audit(_log(), wanted, live)
    finally:
        live.close()
    if asked.json:
        print(msgspec.json.encode(report.plain()).decode())
    else:
        print("\n".join(report.lines()))
    return 0 if report.agrees else 1


def _replay(asked: argparse.Namespace) -> int:
    """Through the engine alone."""
    if asked.speed != "max" or asked.products != "1":
        raise CannotDo("The engine alone knows no speed and has one product: leave out --speed and --products.")
    source = opened(asked.file, halts=asked.halts)
    live = Live(sys.stderr)
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        outcome = Core(source, asked.product).run(asked.limit, live)
    finally:
        live.close()
    print("\n".join((*tallied(source), *outcome.lines())))
    return 0


async def _rebuild(asked: argparse.Namespace) -> int:
    _kafka()
    await rebuild.run(asked, addresses(), write)
    return 0


async def _partitions(asked: argparse.Namespace) -> int:
    live = Live(sys.stderr)
    try:
        await partitions.run(asked, _log(), _kafka(), write, live.show)
    finally:
        live.close()
    return 0


async def _keys(asked: argparse.Namespace) -> int:
    if asked.action == "sign":
        keys.sign(asked, os.environ, write)
    else:
        await keys.run(asked, _log(), os.environ, write)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
