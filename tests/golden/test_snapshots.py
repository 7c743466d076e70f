"""A snapshot that an earlier version wrote is read as today's: the same books, and the same commands remembered.

Each file in `snapshots` is gzip of a msgpack array: a digest of the state by `tests.golden.digest`, and the snapshot.
"""

import gzip
from pathlib import Path

import msgspec

from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from tests.golden.digest import digest

FOLDER = Path(__file__).parent / "snapshots"
FORMS = {2: 2}
"""Of the digest, by version of the snapshot."""


def read(version: int) -> tuple[list[object], PartitionState]:
    """What stands in it, and the state that today's code makes of it."""
    found = msgspec.msgpack.decode(
        gzip.decompress((FOLDER / f"version-{version}.snapshot").read_bytes()), type=tuple[bytes, bytes]
    )
    said, data = found
    state = load(data)
    assert digest(state, FORMS[version]) == said
    return msgspec.msgpack.decode(data, type=list[object], strict=False), state


def test_version_2() -> None:
    whole, state = read(2)
    check(state)
    watermark, generations, ids, first = msgspec.convert(
        whole[9], tuple[int, list[tuple[int, int, int, int]], list[bytes], dict[int, bytes]]
    )
    window = state.window
    assert (window.watermark, len(window)) == (watermark, len(ids))
    assert ids
    assert first
    assert all(map(window.has, ids))
    assert {key: window.user_of(key) for key in first} == first
    rows = window.rows()
    assert (rows.ids, sum(map(bool, rows.keys))) == (b"".join(ids), len(first))
    assert [(each.second, each.latest, each.commands) for each in rows.generations] == [
        each[:3] for each in generations
    ]
    assert state_hash(load(dump(state))) == state_hash(state)
