"""Ids and times of new commands, from a clock and a source of random bits that tests can hold still."""

from collections.abc import Callable

from libs.events import ids
from libs.service.clock import Clock

_RANDOM_BITS = 50


class Mint:
    """Makes ids that route themselves. `now` is order_api's own time, which commands carry;
    `bits` gives so many random ones: ids need not be secret, only different."""

    def __init__(self, clock: Clock, bits: Callable[[int], int]) -> None:
        self.now = clock.now
        self._bits = bits

    def id(self, now: int, number: int) -> bytes:
        return ids.mint(now // 1_000_000, self._bits(_RANDOM_BITS), number)
