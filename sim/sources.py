"""Which format a file has: its first line says so."""

from pathlib import Path

from sim import lobster, recording
from sim.market_by_order import NoRecording, Source, lines


def opened(file: Path | None = None, *, halts: bool = False) -> Source:
    """The demo's recording unless a file is given. `halts` lets trading halts act. Raises NoRecording."""
    if file is None:
        return recording.Recording(recording.path())
    if not file.is_file():
        raise NoRecording(f"There is no file {file}.")
    _, first = next(lines(file), (0, []))
    if first == recording.COLUMNS:
        return recording.Recording(file)
    if lobster.is_message(first):
        return lobster.Lobster(file, halts=halts)
    raise NoRecording(
        f"{file} is in no format known here: a LOBSTER message file has six numbers a line (time, type, order id, size, "
        f"price, direction), a recording begins with the columns {', '.join(recording.COLUMNS)}. Either may be gzipped."
    )
