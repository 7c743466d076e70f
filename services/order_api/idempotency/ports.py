"""What order_api asks of the store of repeats.

A request is claimed before it is published and settled after. A claim holds the whole command, so that whoever finds
one abandoned publishes the same command again, which the engine decides once. The store also remembers whose an order
is. It is an improvement, not a need: while it is away orders are accepted, and the engine's own window tells repeats.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol


class Claim(NamedTuple):
    """One command about to be published."""

    key: bytes
    """What a repeat has too; empty when nothing tells a repeat."""
    command: bytes
    owner_key: bytes
    """Names the order; empty when the command is about no order known by its id."""
    account: str
    places: bool
    """Whether the claim makes the account the order's owner, or needs it to be."""


class State(Enum):
    FRESH = "n"
    """Nothing was there: the claim is made."""
    FOREIGN = "f"
    """The order belongs to another account. Nothing is claimed."""
    IN_FLIGHT = "p"
    """Claimed by another request a moment ago."""
    ABANDONED = "o"
    """Claimed long ago and never settled. The claim is now this request's, with the first one's command."""
    PUBLISHED = "d"
    """Settled: the log has it."""


class Verdict(NamedTuple):
    """What a claim met. Command and position are those of the first request; a position only once published."""

    state: State
    command: bytes = b""
    partition: int = -1
    offset: int = -1


FRESH: Final = Verdict(State.FRESH)
FOREIGN: Final = Verdict(State.FOREIGN)


class Outcome(Enum):
    PUBLISHED = "published"
    UNKNOWN = "unknown"
    """It may be in the log: the next repeat publishes the same command again, at once."""
    RELEASED = "released"
    """It is certainly not in the log: the claim is taken back."""


class Settlement(NamedTuple):
    """What became of a claim."""

    outcome: Outcome
    key: bytes
    command: bytes
    owner_key: bytes = b""
    """With RELEASED: the ownership to take back too."""
    partition: int = -1
    offset: int = -1


class Idempotency(Protocol):
    """Claims and settlements take effect in the order in which they were handed over."""

    async def claim(self, claims: Sequence[Claim]) -> Sequence[Verdict]:
        """One verdict a claim, in order, each claim seeing the ones before it. Raises Away; then nothing is known."""
        ...

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Hand over outcomes. What cannot be written down stays claimed until it is abandoned."""
        ...

    async def ping(self) -> None:
        """Raises when the store does not answer."""
        ...

    async def close(self) -> None:
        """Write down what was handed over, within a limit, and disconnect."""
        ...
