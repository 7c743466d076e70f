"""A part: what Postgres takes at best. Event rows that the projector has archived are copied into a table like theirs."""

import io
import time
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from libs.read_model.connect import Connection, connect
from tests.benchmarks.child import serve

_TABLE: Final = "bench_order_events"
_PIECE: Final = 2_500
"""Events of each partition in one transaction; of eight, as many as the projector takes at most."""
_TIMEOUT_S: Final = 60.0


class Task(msgspec.Struct):
    postgres: str
    rows: int
    """At most."""


class Copied(msgspec.Struct):
    rows: int
    seconds: float
    events_per_command: float


async def main(task: Task) -> Copied:
    connection = await connect(task.postgres, "bench-copy", _TIMEOUT_S, synchronous_commit="off")
    try:
        await connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
        await connection.execute(f"CREATE TABLE {_TABLE} (LIKE order_events INCLUDING ALL)")
        rows, pieces = await _taken(connection, task.rows)
        began = time.monotonic()
        for piece in pieces:
            await connection.copy_to_table(_TABLE, source=_whole(piece), format="binary")
        seconds = time.monotonic() - began
        commands = await connection.fetchval("SELECT sum(command_offset + 1) FROM projection_offsets")
        events = await connection.fetchval("SELECT sum(next_seq - 1) FROM projection_offsets")
        await connection.execute(f"DROP TABLE {_TABLE}")
    finally:
        await connection.close()
    return Copied(rows, seconds, float(events / commands))


async def _taken(connection: Connection, most: int) -> tuple[int, list[bytes]]:
    """The rows in pieces, in COPY's binary form."""
    rows = 0
    pieces: list[bytes] = []
    while rows < most:
        found = io.BytesIO()
        first = len(pieces) * _PIECE + 1
        tag = await connection.copy_from_query(
            "SELECT * FROM order_events WHERE seq >= $1 AND seq < $2",
            first,
            first + _PIECE,
            output=found,
            format="binary",
        )
        count = int(tag.rpartition(" ")[2])
        if not count:
            break
        rows += count
        pieces.append(found.getvalue())
    return rows, pieces


async def _whole(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


if __name__ == "__main__":
    serve(Task, main)
