"""A million commands and more through the engine and the oracle: `make nightly`.

    python -m tests.property.nightly [--commands 1000000] [--seed N] [--processes N]

Streams of 50,000 commands in changing shapes, over all processors. Seeds count up from the first, which is drawn and
printed; `--seed` runs the same again. Ends with 1 at the first difference, after saying seed, offset and shape.
"""

import argparse
import os
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.property.coverage import Coverage
from tests.property.run import LONG, TROUBLED, Shape, run

STREAM = 50_000
SHAPES = (
    LONG,
    Shape(products=1),
    Shape(calm=8, checked=100, restarted=2_000),
    LONG,
    TROUBLED,
    Shape(products=1, calm=20, prefill=300, checked=200, restarted=5_000),
)


def one(seed: int, commands: int) -> Counter[str]:
    return run((seed,), commands, SHAPES[seed % len(SHAPES)]).reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    streams = -(-asked.commands // STREAM)
    print(f"{streams * STREAM:,} commands from seed {asked.seed}, {streams} streams", flush=True)
    coverage, started = Coverage(), time.monotonic()
    with ProcessPoolExecutor(asked.processes) as pool:
        runs = {pool.submit(one, seed, STREAM): seed for seed in range(asked.seed, asked.seed + streams)}
        for done, each in enumerate(as_completed(runs), 1):
            if (error := each.exception()) is not None:
                print(f"seed {runs[each]}: {error}", file=sys.stderr)
                pool.shutdown(cancel_futures=True)
                return 1
            coverage.reached.update(each.result())
            print(f"{done:>4} of {streams}  seed {runs[each]} agrees  {time.monotonic() - started:.0f} s", flush=True)
    missing = coverage.missing()
    print(f"{streams * STREAM:,} commands agree. Not reached: {', '.join(missing) or 'nothing'}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
