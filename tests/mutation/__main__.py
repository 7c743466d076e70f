"""`make mutants`: libs/matching with one word changed at a time, and what the tests of the matching rules say to each.

    python -m tests.mutation [MODULE …] [--children N]

mutmut makes the mutants and runs the fast tests against each (`[tool.mutmut]` in pyproject.toml). One that passes them
all must stand in `survivors.toml` with the reason why nobody can tell it from the original. Ends with 1 for one that
does not, and for one that stands there and is caught by now.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from tests.mutation.survivors import Change, explained, removed_and_added

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = ROOT / ".outcry" / "mutation"
MATCHING: Final = ROOT / "libs" / "matching"
NEEDED: Final = ("libs", "tests", "docs", "cli", "services", "sim", "deploy", "pyproject.toml")
CAUGHT: Final = frozenset(("timeout",))
"""A mutant that never ends is told from the original."""
NOT_RUN: Final = "not checked"


def main() -> int:
    modules = sorted(path.stem for path in MATCHING.glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(modules)}; all without any")
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="how many tests run at a time")
    asked = parser.parse_args()
    if unknown := set(asked.modules) - set(modules):
        parser.error(f"libs/matching has no {', '.join(sorted(unknown))}: it has {', '.join(modules)}")
    _prepare()
    chosen = asked.modules or modules
    patterns = [f"libs.matching.{module}.*" for module in chosen]
    if _mutmut("run", "--max-children", str(asked.children), *patterns).returncode != 0:
        return 1
    return _verdict({f"libs.matching.{module}" for module in chosen})


def _prepare() -> None:
    """A fresh place beside the tree, where mutmut may write what it likes."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    for name in NEEDED:
        (PLACE / name).symlink_to(ROOT / name)


def _mutmut(*arguments: str, told: bool = False) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    return subprocess.run(command, check=False, cwd=PLACE, text=True, stdout=subprocess.PIPE if told else None)


def _verdict(modules: set[str]) -> int:
    found: Counter[Change] = Counter()
    for line in _mutmut("results", told=True).stdout.splitlines():
        name, _, status = line.strip().rpartition(": ")
        if name and status not in CAUGHT and status != NOT_RUN:
            found[removed_and_added(name, _mutmut("show", name, told=True).stdout)] += 1
    known = Counter({change: count for change, count in explained().items() if change.module in modules})
    for change, count in (found - known).items():
        print(
            f"\n{count} of {change} passes all tests.\nWrite the test that names what it breaks, or say why it is none."
        )
    for change, count in (known - found).items():
        print(f"\n{count} of {change} is explained, and caught by now: take it out of survivors.toml.")
    print(f"\n{found.total()} mutants passed all tests, {known.total()} are explained.")
    return 0 if found == known else 1


if __name__ == "__main__":
    sys.exit(main())
