"""`make chaos`, the short form: real servers, real signals, and the report at the end."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.ports import free_block
from deploy.local.servers import short_temporary_directory
from deploy.local.small_disks import emptied
from tests.e2e.stack import ROOT

SECONDS = os.environ.get("E2E_CHAOS_SECONDS", "15")
SEED = "7"
LIMIT_S = 300.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(360),
    pytest.mark.skipif(sys.platform != "linux", reason="finds the children of a process in /proc"),
]


@pytest.fixture
def directory() -> Iterator[Path]:
    place = short_temporary_directory()
    try:
        yield place
    finally:
        emptied(place)
        place.rmdir()


def test_nothing_is_lost_doubled_or_reordered_whatever_breaks(directory: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    port = free_block(directory / "gateway", 1)[0]
    run = subprocess.run(
        [sys.executable, "-m", "deploy.local", "chaos", "--seconds", SECONDS, "--seed", SEED],
        cwd=ROOT,
        env=ours | {"OUTCRY_DATA_DIR": str(directory), "OUTCRY_PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5_000:] + run.stderr[-2_000:]
    assert "0 lost, 0 doubled, 0 reordered" in run.stdout
    survived = re.search(r"(\d+) faults survived .* ([\d,]+) orders acknowledged", run.stdout)
    assert survived is not None
    assert int(survived[1]) >= 2
    assert int(survived[2].replace(",", "")) > 100
