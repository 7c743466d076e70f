"""Mutants by what they change, not by their number, which moves with every line that is written."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

LISTED: Final = Path(__file__).with_name("survivors.toml")
_IN_CLASS: Final = "ǁ"
_NUMBER: Final = "__mutmut_"


class Change(NamedTuple):
    function: str
    """With its module."""
    was: str
    now: str

    @property
    def module(self) -> str:
        return ".".join(self.function.split(".")[:3])

    def __str__(self) -> str:
        return f"{self.function}:\n  - {self.was}\n  + {self.now}"


def removed_and_added(name: str, shown: str) -> Change:
    """Of a mutant's name, and of the difference that `mutmut show` prints for it."""
    lines = shown.splitlines()
    was = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
    now = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    return Change(_function(name), "\n".join(was), "\n".join(now))


def _function(name: str) -> str:
    """`libs.matching.crossing.x_match__mutmut_18` is of `libs.matching.crossing.match`."""
    module, _, mangled = name.rpartition(".")
    own = mangled.rpartition(_NUMBER)[0]
    parts = own.split(_IN_CLASS)[1:] if _IN_CLASS in own else [own.removeprefix("x_")]
    return ".".join((module, *parts))


def explained() -> Counter[Change]:
    """Those that nobody can tell from the original."""
    groups = tomllib.loads(LISTED.read_text(encoding="utf-8"))["equivalent"]
    return Counter(Change(*mutant) for group in groups for mutant in group["mutants"])
