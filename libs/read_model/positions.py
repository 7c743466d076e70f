"""How far the tables are, and how that is told: each transaction of the projector notifies its positions.

Whoever listens needs no poll; the payload is enough, unless it says that it did not fit.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from libs.read_model.connect import AnyConnection

CHANNEL: Final = "outcry_projection"
_PAYLOAD_LIMIT: Final = 7_900
"""Bytes; Postgres takes 7,999."""
_READ_THE_TABLE: Final = "*"


class Position(NamedTuple):
    """Of one partition. The defaults are those of a partition nothing is known of yet."""

    partition: int
    next_seq: int = 1
    next_offset: int = 0
    command_offset: int = -1
    time: int = 0


async def read_positions(connection: AnyConnection, schema: str = "") -> dict[int, Position]:
    table = f"{schema}.projection_offsets" if schema else "projection_offsets"
    rows = await connection.fetch(f"SELECT partition, next_seq, next_offset, command_offset, time FROM {table}")  # noqa: S608  # our own names
    return {row["partition"]: Position(*row) for row in rows}


def payload(positions: Iterable[Position]) -> str:
    text = ";".join(",".join(map(str, position)) for position in positions)
    return text if len(text) <= _PAYLOAD_LIMIT else _READ_THE_TABLE


def from_payload(text: str) -> list[Position] | None:
    """None when the positions did not fit: read the table."""
    if text == _READ_THE_TABLE:
        return None
    return [Position(*map(int, part.split(","))) for part in text.split(";")]
