"""A seed says everything: it runs the same way again, in another process as well."""

import os
import subprocess
import sys

from tests.simulation.run import simulate

SEED = 7
_CODE = f"from tests.simulation.run import simulate; print(simulate({SEED}).trace)"


def test_a_seed_runs_the_same_way_twice() -> None:
    first, second = simulate(SEED), simulate(SEED)
    assert first == second
    assert first.trace != simulate(SEED + 1).trace


def test_a_seed_runs_the_same_way_in_another_process() -> None:
    """Whatever the hashes of strings are there, and wherever its objects lie."""
    traces = {
        subprocess.run(
            [sys.executable, "-c", _CODE],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert traces == {f"{simulate(SEED).trace}\n"}
