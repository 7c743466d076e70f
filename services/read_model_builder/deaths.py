"""Dead letters on their way into their table. There are few, so each is a row of its own in an `executemany`."""

from typing import Final

from asyncpg.pgproto.pgproto import UUID
from msgspec import Struct

from libs.events.events import CommandDeadLettered, DeadLetterClosed

INSERT: Final = """
INSERT INTO dead_letters (
    partition, command_offset, number, account, command_id, order_id, client_oid, kind, cause, failures, first_failed_at,
    died_at, seq, replays, replay_partition, replay_offset, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, '')
ON CONFLICT DO NOTHING
"""

CLOSE: Final = """
UPDATE dead_letters SET closed = $3, closed_at = $4, closed_seq = $5, closed_by = $6, note = $7
WHERE partition = $1 AND command_offset = $2 AND closed IS NULL
"""


class Death(Struct, frozen=True, gc=False):
    """A dead letter that was opened, with the partition of `orders` that it lies in."""

    partition: int
    event: CommandDeadLettered

    @property
    def row(self) -> tuple[object, ...]:
        event, replay = self.event, self.event.replay_of
        return (
            self.partition,
            event.command_offset,
            event.number,
            event.account,
            _uuid(event.command_id),
            _uuid(event.order_id),
            event.client_oid,
            event.kind,
            event.cause,
            event.failures,
            event.first_failed_at,
            event.time,
            event.seq,
            event.replays,
            None if replay is None else replay.partition,
            None if replay is None else replay.offset,
        )


def closing_row(event: DeadLetterClosed) -> tuple[object, ...]:
    name = event.dead_letter
    return (
        name.partition, name.offset, event.reason, event.time, event.seq, _uuid(event.command_id), event.note
    )  # fmt: skip


def _uuid(identity: bytes) -> UUID | None:
    return UUID(identity) if len(identity) == 16 else None
