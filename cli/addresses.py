"""Where the exchange's servers are: what the environment says, else what the local run has written down."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE: Final = "addresses.env"
"""In the data directory, lines of `NAME=value` as a shell writes them; there while a local run lasts."""
ROOT: Final = Path(__file__).resolve().parents[1]


def addresses(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`OUTCRY_KAFKA` and the like, as far as they are known."""
    directory = Path(environment.get("OUTCRY_DATA_DIR") or ROOT / ".outcry")
    found = _written(directory / FILE)
    return found | {name: value for name, value in environment.items() if name.startswith("OUTCRY_") and value}


def _written(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): "".join(shlex.split(value)) for name, value in pairs}
