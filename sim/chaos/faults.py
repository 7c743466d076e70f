"""Every kind of fault, and the order in which they come: shuffled decks, so that each comes as often as the others."""

import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

STORES: Final = ("Kafka", "PostgreSQL", "Valkey")
"""And `Kafka-1`, `Kafka-2`, … where there are several brokers."""
SHORTEST_S: Final = 0.5
FROZEN_S: Final = 10.0
"""The longest: beyond the session of a worker (6 s), so that what wakes up is a zombie now and then."""
FULL_S: Final = 4.0


class Fault(NamedTuple):
    kind: str
    target: str

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"


def decks(processes: Sequence[str], part: str = "") -> tuple[list[Fault], list[Fault]]:
    """Two decks, from which two tormentors draw at the same time: the way of a command, and what is read. Only faults
    with `part` in their name."""
    signals = [Fault(kind, name) for kind in ("kill", "freeze", "restart") for name in processes]
    disks = [Fault(kind, store) for kind in ("cut", "fill") for store in processes if store.startswith(STORES)]
    every = [fault for fault in signals + disks if part in str(fault)]
    return [fault for fault in every if _commands(fault)], [fault for fault in every if not _commands(fault)]


def drawn(deck: Sequence[Fault], rng: random.Random) -> Iterator[Fault]:
    """Without end; each deck is gone through before it is shuffled again."""
    while deck:
        yield from rng.sample(deck, len(deck))


def lasting(fault: Fault, rng: random.Random) -> float:
    """Seconds of a fault that has a length."""
    return rng.uniform(SHORTEST_S, FULL_S if fault.kind == "fill" else FROZEN_S)


def _commands(fault: Fault) -> bool:
    return fault.target.startswith(("Kafka", "orderbook-worker", "order-api"))
