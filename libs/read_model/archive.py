"""The days of the archive: `order_events` has one partition a day of engine time, made before it is needed.

A partition is attached, not created in place: attaching takes a lock that lets writers and readers go on.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from libs.read_model.connect import Connection

DAY_NS: Final = 86_400_000_000_000


def day_of(time: int) -> int:
    """Days since the epoch of a time in ns."""
    return time // DAY_NS


def partition_name(day: int) -> str:
    return f"order_events_{datetime.fromtimestamp(day * 86_400, UTC):%Y%m%d}"


async def ensure_days(connection: Connection, days: Collection[int]) -> None:
    """Make the partitions of these days where they are not there. Safe to race."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('order_events'))")
        present = await _present(connection)
        for day in sorted(days):
            if partition_name(day) not in present:
                await _attach(connection, day)


async def _present(connection: Connection) -> set[str]:
    rows = await connection.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'order_events'::regclass"
    )
    return {row["relname"] for row in rows}


async def _attach(connection: Connection, day: int) -> None:
    name = partition_name(day)
    await connection.execute(f"CREATE TABLE {name} (LIKE order_events INCLUDING ALL)")
    await connection.execute(
        f"ALTER TABLE order_events ATTACH PARTITION {name} FOR VALUES FROM ({day * DAY_NS}) TO ({(day + 1) * DAY_NS})"
    )
