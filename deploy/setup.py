"""Set-up on a fresh machine, run by any Python of the right version before there is anything else.

Makes `.venv`, installs exactly what the locks name with the hashes that they name, by uv where there is one and
by pip elsewhere, and fetches Kafka. A stamp of the locks' hash makes the next run a matter of milliseconds.

    python deploy/setup.py [LOCK …]

Further locks are of tools that few need; what they share with the first is of the same version there.
"""

import hashlib
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "outcry.stamp"
LOCK = ROOT / "requirements.lock"
# Installed without what they ask for. Of the recording only a data file is wanted, the rest is for plotting; CCXT asks
# for one old version of uvloop, and does without.
RECORDING_LOCK = ROOT / "requirements-recording.lock"
CONFORMANCE_LOCK = ROOT / "requirements-conformance.lock"
JARS_LOCK = ROOT / "deploy" / "local" / "kafka-jars.lock"
OLDEST, TOO_NEW = (3, 11), (3, 13)
NEEDED_MB = 1500
MEGABYTE = 1024 * 1024


def main() -> int:
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        found = ".".join(map(str, sys.version_info[:3]))
        return _fail(f"Python 3.11 or 3.12 is needed and {sys.executable} is {found}: run `make PYTHON=…`.")
    problem = _set_up(_wanted()) or _install(shutil.which("uv"), [["-r", lock] for lock in sys.argv[1:]])
    return _fail(problem) if problem else 0


def _set_up(wanted: str) -> str:
    """What went wrong, if anything did."""
    if STAMP.exists() and STAMP.read_text() == wanted:
        return ""
    free = shutil.disk_usage(ROOT).free // MEGABYTE
    if free < NEEDED_MB:
        return f"The disk that holds {ROOT} has {free} MB free and set-up needs {NEEDED_MB} MB."
    began = time.monotonic()
    uv = shutil.which("uv")
    alone = [["--no-deps", "-r", str(lock)] for lock in (RECORDING_LOCK, CONFORMANCE_LOCK)]
    problem = _make_venv(uv) or _install(uv, [["-r", str(LOCK)], *alone]) or _fetch_kafka()
    if problem:
        return problem
    STAMP.write_text(wanted)
    _say(f"set up in {time.monotonic() - began:.0f} s")
    return ""


def _wanted() -> str:
    """What a finished set-up is made of."""
    digest = hashlib.sha256(sys.version.encode())
    for part in (LOCK, RECORDING_LOCK, CONFORMANCE_LOCK, JARS_LOCK):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def _make_venv(uv: str | None) -> str:
    _say(f"making {VENV} with Python {sys.version.split()[0]}")
    try:
        venv.create(VENV, clear=True, with_pip=uv is None)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"{VENV} could not be made ({error}): is Python's venv module complete (Debian: python3.11-venv)?"
    return ""


def _install(uv: str | None, locks: list[list[str]]) -> str:
    python = str(VENV / "bin" / "python")
    installer = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", "--no-input"]
    for options in locks:
        _say(f"installing {Path(options[-1]).name} by {'uv' if uv else 'pip'}")
        if subprocess.run([*installer, "--require-hashes", *options], check=False, cwd=ROOT).returncode != 0:
            return f"{options[-1]} could not be installed, for the reason above; without a network, connect and repeat."
    return ""


def _fetch_kafka() -> str:
    command = [str(VENV / "bin" / "python"), "-m", "deploy.local", "jars"]
    return "" if subprocess.run(command, check=False, cwd=ROOT).returncode == 0 else "Kafka could not be installed."


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fail(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
