"""`make simulate`: seeds by the thousand, or one again: `SEEDS=20000`, `FIRST=5000`, `SEED=17`."""

import argparse
import sys
import time
from collections import Counter
from typing import Final

from sim.live import Live
from tests.simulation.run import Run, simulate

FIRST: Final = 1_000
"""Behind those of `make test`."""
SHOWN_FAILURES: Final = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=FIRST, help="the first one")
    parser.add_argument("--seed", type=int, help="run this one, twice, and tell what happened")
    given = parser.parse_args()
    return _one(given.seed) if given.seed is not None else _many(given.first, given.seeds)


def _one(seed: int) -> int:
    run = simulate(seed)
    print(f"seed {seed}: {run.failure or 'right'}")
    print(f"{run.commands} commands in {run.seconds:.1f} virtual seconds and {run.steps:,} steps")
    print(f"faults: {_counts(run.faults) or 'none'}")
    print(f"processes ended: {_counts(run.ends) or 'none'}")
    same = simulate(seed) == run
    print(f"trace {run.trace:016x}, {'the same' if same else 'ANOTHER'} in a second run")
    return 0 if same and not run.failure else 1


def _many(first: int, seeds: int) -> int:
    live, began = Live(), time.monotonic()
    faults, commands, wrong, count, rate = Counter[str](), 0, list[Run](), 0, 0.0
    for count, seed in enumerate(range(first, first + seeds), 1):
        run = simulate(seed)
        faults.update(run.faults)
        commands += run.commands
        if run.failure:
            wrong.append(run)
            live.say(f"make simulate SEED={seed}: {run.failure}")
            if len(wrong) >= SHOWN_FAILURES:
                live.say("that is enough")
                break
        rate = 60 * count / (time.monotonic() - began)
        live.show(
            f"{count:,} of {seeds:,} seeds, {rate:,.0f} a minute, {sum(faults.values()):,} faults, {len(wrong)} wrong"
        )
    live.say(
        f"{count:,} seeds in {time.monotonic() - began:.0f} s, {rate:,.0f} a minute: {commands:,} commands, {len(wrong)} wrong"
    )
    live.say(f"faults: {_counts(faults)}")
    return 1 if wrong else 0


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
