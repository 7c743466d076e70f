"""What can be asked of a replay: the same words for the exchange (`python -m sim replay`) and for the engine alone."""

import argparse
from pathlib import Path
from typing import Final

SPEEDS: Final = {"1": 1.0, "10": 10.0, "100": 100.0, "max": None}


def add_replay(command: argparse.ArgumentParser) -> None:
    """The arguments of a replay but the number of products."""
    command.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a LOBSTER message file, or a recording like the demo's; gzipped or not (the demo's)",
    )
    command.add_argument("--product", metavar="ID", help="replay it on this product (the market's own)")
    command.add_argument("--speed", choices=SPEEDS, default="max", help="times the real speed (max)")
    command.add_argument("--limit", type=_limit, default=None, metavar="N", help="only the first so many rows")
    command.add_argument("--halts", action="store_true", help="let trading halts of the file halt the product")
    command.add_argument("--no-check", action="store_true", help="leave out the check at the end")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows, 1 or more")
    return int(text)
