"""Three hundred runs of the whole exchange with faults, each from its seed, and each right in the end."""

import os
from collections import Counter

import pytest

from tests.simulation.chaos import KINDS
from tests.simulation.growing import GROWTH
from tests.simulation.run import Run, simulate

SEEDS = 300
PIECES = 6
_runs: list[Run] = []


@pytest.mark.parametrize("piece", range(PIECES))
def test_every_seed_is_right(piece: int) -> None:
    size = SEEDS // PIECES
    runs = [simulate(seed) for seed in range(piece * size, (piece + 1) * size)]
    _runs.extend(runs)
    wrong = [f"make simulate SEED={run.seed}: {run.failure}" for run in runs if run.failure]
    assert not wrong, "\n".join(wrong)


def test_every_kind_of_fault_happened() -> None:
    """Else the seeds would say less than they seem to."""
    runs = _runs or [simulate(seed) for seed in range(SEEDS)]
    faults = Counter[str]()
    for run in runs:
        faults.update(run.faults)
    missing = [kind for kind in (*KINDS, GROWTH) if not faults[kind]]
    assert not missing or "PYTEST_XDIST_WORKER" in os.environ, f"faults that never happened: {missing}"
