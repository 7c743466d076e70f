"""`outcry partitions show | grow`: over how many partitions products are spread."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from random import SystemRandom
from typing import Final

from cli.growth import Growth
from cli.parser import Parser
from libs.events.topics import PARTITIONED
from libs.kafka.admin import grow_topics, partition_counts
from libs.kafka.ports import Log
from libs.service.clock import SystemClock

DEFAULT_WAIT_S: Final = 120


def add_to(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The arguments of `partitions`."""
    partitions = commands.add_parser("partitions", help="how many there are; add some while the exchange trades")
    actions = partitions.add_subparsers(dest="action", required=True, metavar="show|grow")
    actions.add_parser("show", help="what the cluster records, and what its topics have")
    grow = actions.add_parser("grow", help="have so many; products stay where they are, new ones are spread over all")
    grow.add_argument("partitions", type=_count, metavar="N")
    grow.add_argument(
        "--wait", type=_count, default=DEFAULT_WAIT_S, metavar="S", help=f"for the workers ({DEFAULT_WAIT_S} s)"
    )


class KafkaTopics:
    """Those of a real cluster."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    async def counts(self) -> Mapping[str, int]:
        return await partition_counts(self._bootstrap, PARTITIONED)

    async def grow(self, names: Sequence[str], partitions: int) -> None:
        await grow_topics(self._bootstrap, names, partitions)


async def run(
    asked: argparse.Namespace, log: Log, bootstrap: str, out: Callable[[str], None], show: Callable[[str], None]
) -> None:
    """Raises CannotDo, and what the log raises."""
    topics = KafkaTopics(bootstrap)
    growth = Growth(
        log, topics, SystemClock(), getattr(asked, "wait", DEFAULT_WAIT_S), show, SystemRandom().getrandbits
    )
    if asked.action == "show":
        known = await growth.known()
        out(f"cluster {known.name}: new products are spread over {known.partitions} partitions")
        for name, count in sorted((await topics.counts()).items()):
            out(f"{name}: {count}")
        return
    before = await growth.to(asked.partitions)
    if before.partitions == asked.partitions:
        out(f"cluster {before.name} has {before.partitions} partitions already, and every owner knows it")
    else:
        out(f"cluster {before.name} has grown from {before.partitions} to {asked.partitions} partitions")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of partitions: a whole number from 1 on would do")
    return int(text)
