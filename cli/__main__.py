"""`outcry events tail`, `outcry replay`, `outcry check`: one entry for everything a person asks of a running exchange."""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

from cli.addresses import addresses
from cli.parser import Parser
from cli.problem import CannotDo
from cli.start import EXAMPLES, Start, parse
from cli.tail import Wanted, tail
from libs.kafka.adapter import KafkaLog
from libs.service.failures import Fatal, Transient

PASSED_ON: Final = {
    "replay": "send the recorded market, and check it (python -m sim replay)",
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
    for name, text in PASSED_ON.items():
        commands.add_parser(name, help=text, add_help=False)
    return found


def _start(text: str) -> Start:
    try:
        return parse(text, time.time())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(given: Sequence[str]) -> int:
    """0, 1 with one sentence when it cannot be done, 2 for wrong arguments."""
    asked, rest = parser().parse_known_args(given)
    if asked.command in PASSED_ON:
        os.execve(sys.executable, [sys.executable, "-m", "sim", *given], {**os.environ, **addresses()})  # noqa: S606  no shell is wanted
    if rest:
        parser().error(f"unknown arguments: {' '.join(rest)}")
    try:
        asyncio.run(_tail(Wanted(asked.product, asked.start, asked.json, not asked.no_follow)))
    except CannotDo as problem:
        print(problem, file=sys.stderr)
        return 1
    except (Transient, Fatal) as problem:
        print(f"The log cannot be read: {problem}. Is the exchange running? Start it with: make up", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def _tail(wanted: Wanted) -> None:
    kafka = addresses().get("OUTCRY_KAFKA")
    if not kafka:
        raise CannotDo(
            "Where Kafka is, nobody says: start the exchange with `make up`, or set OUTCRY_KAFKA=host:port "
            "(OUTCRY_DATA_DIR if its state is elsewhere than .outcry)."
        )
    task = asyncio.current_task()
    assert task is not None, "asyncio.run makes one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await tail(KafkaLog(kafka, "outcry-cli"), wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
