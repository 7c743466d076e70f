"""A long stream from a seed through the engine and the oracle, in one of several shapes."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.oracle.products import PARTITIONS
from tests.oracle.window import CAPACITY
from tests.property.choosing import Seeded
from tests.property.coverage import Coverage
from tests.property.pair import Difference, Pair
from tests.property.streams import Stream
from tests.property.trouble import Troubled


@dataclass(frozen=True)
class Shape:
    """What a stream looks like, and how often the whole state is looked at."""

    products: int = 3
    calm: int = 1
    """How rarely many orders end at once."""
    prefill: int = 0
    """Orders that rest before it begins."""
    checked: int = 10
    """The fold, the hash and the invariants every so many commands."""
    restarted: int = 400
    """The engine goes on from a snapshot every so many commands; 0 is never."""
    hurried: bool = False
    """Tens of thousands of commands a second."""
    troubled: bool = False
    """Commands fail, come back, die and are replayed."""
    window: int = CAPACITY
    """How many commands are remembered at most. What a snapshot restores remembers as many as it always does."""


LONG = Shape()
TROUBLED = Shape(troubled=True)


def _stream(choose: Seeded, partition: int, shape: Shape) -> Stream:
    if shape.troubled:
        return Troubled(choose, shape.products, shape.calm, shape.hurried, partition=partition)
    return Stream(choose, shape.products, shape.calm, shape.hurried)


def run(seeds: Iterable[int], commands: int, shape: Shape) -> Coverage:
    """Raises Difference, with the seed and the offset in it, where the two do not agree."""
    coverage = Coverage()
    for seed in seeds:
        partition = seed % PARTITIONS
        stream = _stream(Seeded(seed), partition, shape)
        pair = Pair(partition, shape.window)
        try:
            for at in range(shape.prefill + commands):
                step = stream.passive() if 0 < at <= shape.prefill else stream.next()
                events = pair.handle(step)
                stream.learn(events)
                coverage.take(step.command, events)
                if at % shape.checked == 0:
                    pair.check_state()
                if shape.restarted and at % shape.restarted == shape.restarted - 1:
                    pair.restart()
        except Difference as difference:
            raise Difference(f"seed {seed}, offset {stream.offset}, {shape}: {difference}") from difference
    return coverage
