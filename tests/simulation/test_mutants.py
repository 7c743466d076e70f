"""The simulation finds bugs: each of these is caught."""

from collections.abc import Callable

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.run import simulate

ENOUGH = 2
MOST_SEEDS = 150


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    failures: list[str] = []
    seeds = 0
    with mutant.in_place():
        while seeds < MOST_SEEDS and len(failures) < ENOUGH:
            failures += [failure] if (failure := simulate(seeds).failure) else []
            seeds += 1
    record_property("caught", f"in {len(failures)} of {seeds} seeds")
    print(f"{mutant.name}: caught in {len(failures)} of {seeds} seeds; {failures[:1]}")
    assert failures, f"{mutant.name} was not caught in {seeds} seeds: {mutant.says}"
