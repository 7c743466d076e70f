"""A recorded history: commands and events as the bytes that stood in the log, and a digest of the state after each.

Compact and binary: gzip of a msgpack array of two, a header and its steps. A step without a command holds what the owner
of the partition decided itself. Nothing in it depends on the classes of any version.
"""

import gzip
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent / "histories"
FORM: Final = 1


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One command and its events. `time` is its append time in ns."""

    offset: int
    time: int
    command: bytes | None
    events: list[bytes]
    digest: bytes
    """Of the state after it, by `tests.golden.digest`."""
    cause: int = 0
    """`FailureCause` of a command that failed; 0 of one that was decided."""


class History(msgspec.Struct, frozen=True, array_like=True):
    form: int
    name: str
    partition: int
    rules: int
    """The version that decided."""
    digest: int
    """The form of the digests."""
    steps: list[Step]


def load(path: Path) -> History:
    history = msgspec.msgpack.decode(gzip.decompress(path.read_bytes()), type=History)
    assert history.form == FORM, f"{path.name} is of form {history.form}"
    return history


def save(history: History, folder: Path = FOLDER) -> Path:
    """Never over another one: what was published stays as it was. Raises FileExistsError."""
    path = folder / f"rules-{history.rules}-{history.name}.history"
    packed = gzip.compress(msgspec.msgpack.encode(history), mtime=0)
    with path.open("xb") as file:
        file.write(packed)
    return path


def recorded(folder: Path = FOLDER) -> list[Path]:
    return sorted(folder.glob("*.history"))
