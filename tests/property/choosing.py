"""Where the choices of a stream come from: a seed, or hypothesis, which can shrink them."""

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chooser(Protocol):
    def integer(self, low: int, high: int) -> int:
        """One of low … high; towards low when it shrinks."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """One of the options; the first when it shrinks."""
        ...


class Seeded:
    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def pick(self, options: Sequence[T]) -> T:
        return self._random.choice(options)


class Drawn:
    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def integer(self, low: int, high: int) -> int:
        return self._data.draw(st.integers(low, high))

    def pick(self, options: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(options))


def one_in(choose: Chooser, times: int) -> bool:
    return choose.integer(0, times - 1) == times - 1
