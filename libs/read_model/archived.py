"""The events of one order, out of the archive.

The first and the last are named in the order's row, its trades and the prevented ones name theirs, and the others have
an index: so the archive needs an index entry for a third of its rows only.
"""

from typing import Final

from libs.events.ids import partition_of
from libs.read_model.connect import AnyConnection, Uuid
from libs.read_model.orders import OrderRow
from libs.read_model.status import Status

_EVENTS: Final = """
SELECT event FROM (
    SELECT seq, event FROM order_events
    WHERE partition = $1 AND seq = ANY ($2::bigint[]) AND time BETWEEN $3 AND $4
  UNION
    SELECT seq, event FROM order_events
    WHERE order_id = $5 AND tag = ANY ('{34,35,36,37,39,46,48,49,50,51,57,58,59}'::smallint[])
  UNION
    SELECT e.seq, e.event
    FROM self_trades AS s JOIN order_events AS e ON e.partition = s.partition AND e.seq = s.seq AND e.time = s.time
    WHERE s.maker_order_id = $5
  UNION
    SELECT e.seq, e.event
    FROM (
        SELECT seq, time FROM trades WHERE maker_account = $6 AND time BETWEEN $3 AND $4 AND maker_order_id = $5
      UNION
        SELECT seq, time FROM trades WHERE taker_account = $6 AND time BETWEEN $3 AND $4 AND taker_order_id = $5
    ) AS t
    JOIN order_events AS e ON e.partition = $1 AND e.seq = t.seq AND e.time = t.time
) AS found
WHERE seq >= $7 ORDER BY seq LIMIT $8
"""
"""The tags are `schema.INDEXED_TAGS`, written out as in the index, so that the planner sees that it fits."""


async def order_events(connection: AnyConnection, order: OrderRow, from_seq: int, limit: int) -> list[bytes]:
    """As they stand in the log, the oldest first."""
    named = [order.first_seq]
    if order.status in (Status.DONE, Status.REJECTED):
        named.append(order.seq)
    rows = await connection.fetch(
        _EVENTS,
        partition_of(order.number),
        named,
        order.created,
        order.updated,
        Uuid(order.order_id.bytes),
        order.account,
        from_seq,
        limit,
    )
    return [row["event"] for row in rows]
