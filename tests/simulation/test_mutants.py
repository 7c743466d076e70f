"""The simulation finds bugs: each of these is caught, by a seed of those that every change has to pass."""

from collections.abc import Callable

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.run import simulate

MOST_SEEDS = 300


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    with mutant.in_place():
        runs = (simulate(seed) for seed in range(MOST_SEEDS))
        caught = next((run for run in runs if run.failure), None)
    assert caught is not None, f"{mutant.name} was not caught in {MOST_SEEDS} seeds: {mutant.says}"
    record_property("caught", f"by seed {caught.seed}")
    print(f"{mutant.name}: caught by seed {caught.seed}; {caught.failure}")
