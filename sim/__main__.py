"""`python -m sim demo | replay | check | traders | follow | chaos`: traffic for a running exchange, and the proof that it went right."""

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import uvloop

from libs.service.failures import Fatal, Transient
from sim import traders
from sim.chaos.run import Wanted as Torment
from sim.chaos.run import chaos
from sim.chaos.trouble import NotRecovered
from sim.check.difference import Difference
from sim.check.run import check
from sim.demo import demo, tell
from sim.exchange import Exchange, Refused, Unavailable
from sim.following import Wanted as Followed
from sim.following import follow
from sim.live import Live
from sim.market_by_order import NoRecording
from sim.products import EIGHT, MOST, ensure_listed, names
from sim.rebuilding import Gap
from sim.replaying import SPEEDS, add_replay
from sim.runs import Wanted, replay
from sim.settings import Addresses
from sim.signed import from_environment
from sim.sources import opened

GC_THRESHOLDS: Final = (100_000, 50, 100)
"""A check holds millions of objects without a cycle; the defaults look at them all the time."""
LASTING_S: Final = 600.0
CHAOS_RATE: Final = 150.0
FOLLOWED_RATE: Final = 400.0
FORESEEN: Final = (
    Difference, Gap, NotRecovered, Unavailable, NoRecording, Refused, Transient, Fatal, OSError, asyncpg.PostgresError,
)  # fmt: skip
"""What a person can do something about; everything else is a fault of the simulation, and shows itself whole."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim",
        description="Traffic for a running exchange, over its public API.",
        epilog="Environment: OUTCRY_URL or OUTCRY_PORT; for the check OUTCRY_KAFKA and OUTCRY_POSTGRES too; "
        "OUTCRY_API_KEY, …_SECRET and …_PASSPHRASE where the exchange wants signed requests.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo|replay|check|traders|follow|chaos")
    for name, text in (
        ("demo", "replay the recording, check it, then trade until stopped"),
        ("replay", "send a recorded market, and check it"),
        ("check", "compare orders, order-events, Postgres and the API"),
        ("traders", "simulated makers and takers until stopped"),
        ("follow", "rebuild books from the feed while traders trade, check every message, and compare with REST"),
        ("chaos", "trade while processes are killed, and check every order (OUTCRY_DATA_DIR, OUTCRY_REDIS)"),
    ):
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name != "check":
            markets = len(EIGHT) if name == "chaos" else 1
            command.add_argument(
                "--products", type=_product_count, default=markets, metavar="N", help=f"markets at once ({markets})"
            )
        if name == "demo":
            command.add_argument("--speed", choices=SPEEDS, default="max", help="times the real speed (max)")
        if name == "replay":
            add_replay(command)
        if name in {"demo", "traders"}:
            command.add_argument("--rate", type=_rate, default=traders.DEFAULT_RATE, help="orders a second (40)")
            command.add_argument("--seed", type=int, default=1, help="of the simulated traders (1)")
        if name in {"follow", "chaos"}:
            command.add_argument("--seconds", type=float, default=LASTING_S, help=f"how long ({LASTING_S:.0f})")
        if name == "follow":
            command.add_argument(
                "--rate", type=_rate, default=FOLLOWED_RATE, help=f"orders a second ({FOLLOWED_RATE:.0f})"
            )
            command.add_argument("--seed", type=int, default=1, help="of the simulated traders (1)")
        if name == "chaos":
            command.add_argument("--rate", type=_rate, default=CHAOS_RATE, help=f"orders a second ({CHAOS_RATE:.0f})")
            command.add_argument("--seed", type=int, default=int(time.time()), help="of faults and traffic (the time)")
            command.add_argument(
                "--faults", default="", metavar="PART", help="only those with this in their name: kill, Kafka, … (all)"
            )
    return parser.parse_args(given)


def _product_count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and {MOST}")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= traders.MOST_RATE:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and at most {traders.MOST_RATE:.0f}")
    return value


async def work(asked: argparse.Namespace, addresses: Addresses, live: Live) -> None:
    """What was asked, on one connection pool."""
    async with Exchange(addresses.url, auth=from_environment()) as exchange:
        match asked.command:
            case "demo":
                speed = SPEEDS[asked.speed]
                await demo(addresses, exchange, live, asked.products, speed, asked.rate, asked.seed)
            case "replay":
                source = await asyncio.to_thread(opened, asked.file, halts=asked.halts)
                wanted = Wanted(SPEEDS[asked.speed], asked.limit, asked.product)
                receipts = await replay(exchange, live, asked.products, wanted, source)
                if not asked.no_check:
                    tell(await check(addresses, exchange, receipts, live), receipts, live)
            case "check":
                tell(await check(addresses, exchange, [], live), [], live)
            case "chaos":
                directory = Path(os.environ.get("OUTCRY_DATA_DIR") or ".outcry")
                torment = Torment(asked.seconds, asked.seed, asked.rate, names(asked.products), asked.faults, directory)
                await chaos(addresses, exchange, torment, live)
            case "follow":
                followed = Followed(asked.seconds, asked.seed, asked.rate, names(asked.products))
                for line in (await follow(exchange, followed, live)).lines():
                    live.say(line)
            case _:
                chosen = names(asked.products)
                for name in chosen:
                    await ensure_listed(exchange, name)
                await traders.trade(exchange, live, chosen, asked.rate, asked.seed)


def needs_addresses(asked: argparse.Namespace) -> bool:
    return asked.command in {"demo", "check", "chaos"} or (asked.command == "replay" and not asked.no_check)


def main(given: Sequence[str] | None = None) -> int:
    """0 when all is well, 1 when the check fails or the exchange is away, 2 for wrong arguments, 128 + n by a signal."""
    asked, addresses, live = arguments(given), Addresses.read(), Live()
    if needs_addresses(asked) and not (addresses.kafka and addresses.postgres):
        print("The check reads Kafka and Postgres: set OUTCRY_KAFKA and OUTCRY_POSTGRES.", file=sys.stderr)
        return 2
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_signal(work(asked, addresses, live)))
    except BaseExceptionGroup as group:
        problem = _first(group)
        if not isinstance(problem, FORESEEN):
            raise
        return _explain(problem, addresses, live)
    except FORESEEN as problem:
        return _explain(problem, addresses, live)
    finally:
        live.close()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _explain(problem: BaseException, addresses: Addresses, live: Live) -> int:
    """One sentence on standard error."""
    live.close()
    match problem:
        case NotRecovered():
            sentence = f"THE EXCHANGE DOES NOT RECOVER: {problem}"
        case Gap():
            sentence = f"THE FEED HAS A GAP: {problem}"
        case Difference():
            sentence = f"THE CHECK FAILS: {problem}"
        case Unavailable():
            sentence = f"The exchange at {addresses.url} does not answer ({problem}): is it running? make up"
        case OSError() | asyncpg.PostgresError():
            sentence = f"A server of the exchange cannot be reached: {problem}"
        case _:
            sentence = str(problem)
    print(sentence, file=sys.stderr)
    return 1


async def _until_signal(what: Coroutine[None, None, None]) -> int:
    """The code to exit with. A signal ends the work where it stands: everything sent is safe to be sent again."""
    task = asyncio.ensure_future(what)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]
    return 0


if __name__ == "__main__":
    sys.exit(main())
