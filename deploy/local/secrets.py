"""What seals the API keys of a local run, in a file that only its owner can read."""

import os
from pathlib import Path

from deploy.local.problem import CannotRun
from libs.access.sealing import SECRETS_FILE, NotAKey, Sealer, new_key

VARIABLE = "OUTCRY_SECRETS_KEY"


def secrets_key(directory: Path) -> str:
    """The environment's, else the data directory's own, made at the first run."""
    text = os.environ.get(VARIABLE) or _kept(directory / SECRETS_FILE)
    try:
        Sealer.parse(text)
    except NotAKey as error:
        raise CannotRun(f"{VARIABLE} (or {directory / SECRETS_FILE}) does not do: {error}.") from error
    return text


def _kept(file: Path) -> str:
    if not file.exists():
        write_private(file, new_key() + "\n")
    return file.read_text(encoding="ascii").strip()


def write_private(file: Path, text: str) -> None:
    """Whole or not at all, and nobody else's from the first moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write(text)
    fresh.replace(file)
