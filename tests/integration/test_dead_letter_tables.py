"""What failed, in the tables: orders that are pending and what becomes of them, dead letters opened and closed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from deploy.local.servers import Addresses
from libs.events import events as facts
from libs.events import ids
from libs.events.commands import PlaceOrder
from libs.events.events import AnyEvent
from libs.events.values import (
    NO_ID,
    ClosedReason,
    DeadLetterName,
    DoneReason,
    FailureCause,
    OrderTerms,
    OrderType,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from libs.read_model.dead_letters import (
    DeadLetterCursor,
    DeadLetterPage,
    DeadLetterRow,
    dead_letter,
    dead_letters_page,
)
from libs.read_model.orders import OrderRow, order_by_id
from libs.read_model.status import Status
from tests.unit.read_model.stage import connected, database, memory_log, project_all, publish
from tests.unit.read_model.traffic import STEP, Traffic

PLACE = PlaceOrder.__struct_config__.tag
TERMS = OrderTerms(
    Side.BUY, OrderType.LIMIT, 9_000, 7, 0, TimeInForce.GTC, True, SelfTradePrevention.CO, 0, 3, 0
)  # fmt: skip
ID = ids.mint(1_790_000_000_000, 5, 256)
Steps = list[tuple[type[AnyEvent], dict[str, Any]]]

DEFERRED: Steps = [
    (facts.CommandDeferred, {"account": "ann", "client_oid": "a-1", "kind": PLACE, "cause": FailureCause.FAULT,
        "attempt": 1, "failures": 1, "tier": 1, "due": 0, "line": ID, "terms": TERMS}),
]  # fmt: skip
UNREAD: Steps = [(DEFERRED[0][0], DEFERRED[0][1] | {"terms": None, "cause": FailureCause.VERSION})]
AGAIN: Steps = [(DEFERRED[0][0], DEFERRED[0][1] | {"attempt": 2, "failures": 2, "tier": 2})]
RESUMED: Steps = [
    (facts.CommandResumed, {"client_oid": "a-1", "kind": PLACE, "attempt": 1, "failures": 1, "last": False}),
]
ACCEPTED: Steps = [
    (facts.OrderAccepted, {"account": "ann", "client_oid": "a-1", "side": Side.BUY, "type": OrderType.LIMIT,
        "price": 9_000, "size": 7, "funds": 0, "time_in_force": TimeInForce.GTC, "post_only": True,
        "replay_of": None, "stp": SelfTradePrevention.CO, "max_floor": 3}),
    (facts.OrderRested, {"side": Side.BUY, "price": 9_000, "remaining": 7, "displayed": 3}),
]  # fmt: skip
DONE: Steps = [
    (facts.OrderDone, {"side": Side.BUY, "price": 9_000, "remaining": 7, "reason": DoneReason.CANCELED}),
]
CANCELED: Steps = [
    (facts.OrderRejected, {"client_oid": "a-1", "side": Side.BUY, "type": OrderType.LIMIT, "price": 9_000,
        "size": 7, "funds": 0, "time_in_force": TimeInForce.GTC, "post_only": True, "reason": RejectReason.CANCELED,
        "first_order_id": NO_ID, "stp": SelfTradePrevention.CO, "max_floor": 3, "parked_id": ID, "command_id": bytes(16)}),
]  # fmt: skip
CANCELED_UNREAD: Steps = [
    (facts.CommandRejected, {"client_oid": "a-1", "reason": RejectReason.CANCELED, "first_order_id": NO_ID,
        "parked_id": ID, "command_id": bytes(16)}),
]  # fmt: skip
DIED: Steps = [
    (facts.CommandDeadLettered, {"account": "ann", "client_oid": "a-1", "kind": PLACE, "cause": FailureCause.FAULT,
        "failures": 3, "first_failed_at": 5, "replays": 0, "last": False}),
    (facts.OrderRejected, CANCELED[0][1] | {"reason": RejectReason.DEAD_LETTERED, "parked_id": NO_ID, "command_id": ID}),
]  # fmt: skip

WANTED = {
    "pending": (DEFERRED, Status.PENDING, None),
    "put off twice": (DEFERRED + AGAIN, Status.PENDING, None),
    "accepted in the end": (DEFERRED + RESUMED + ACCEPTED, Status.OPEN, None),
    "ended": (DEFERRED + RESUMED + ACCEPTED + DONE, Status.DONE, None),
    "cancelled while it waited": (DEFERRED + CANCELED, Status.REJECTED, RejectReason.CANCELED),
    "cancelled, and never read": (UNREAD + CANCELED_UNREAD, Status.REJECTED, RejectReason.CANCELED),
    "dead": (DEFERRED + AGAIN + DIED, Status.REJECTED, RejectReason.DEAD_LETTERED),
}


def made(traffic: Traffic, steps: Steps) -> list[AnyEvent]:
    """Events after what the traffic holds; each is a command of its own."""
    found: list[AnyEvent] = []
    for at, (kind, fields) in enumerate(steps, 1):
        header: dict[str, Any] = {
            "seq": traffic.state.seq + at, "number": traffic.number, "sequence": 1, "time": traffic.time + at * STEP,
            "command_offset": traffic.offset + at, "command_id": ID, "last": True, "account": "", "key": 0, "sent": 0,
        }  # fmt: skip
        if "order_id" in kind.__struct_fields__:
            header["order_id"] = ID
        found.append(kind(**header | fields))
    return found


async def tables(
    servers: Addresses, steps: Steps, limits: dict[str, int], look: Callable[[str, list[AnyEvent]], Any]
) -> Any:
    traffic = Traffic()
    log = memory_log(1)
    events = made(traffic, steps)
    await publish(log, 0, [*traffic.events, *events], in_one=1)
    traffic.events += events
    traffic.state.seq += len(events)
    async with database(servers.postgres) as address:
        await project_all(address, log, [traffic], **limits)
        return await look(address, events)


@pytest.mark.parametrize("batch_events", [1, 1_000], ids=["each alone", "in one batch"])
@pytest.mark.parametrize("name", WANTED)
def test_a_pending_order(servers: Addresses, name: str, batch_events: int) -> None:
    steps, status, reason = WANTED[name]

    async def look(address: str, events: list[AnyEvent]) -> None:
        async with connected(address) as connection:
            row = await order_by_id(connection, ID)
            assert row is not None
            check(row, events)
            standing = await connection.fetchval("SELECT count(*) FROM open_orders WHERE account = 'ann'")
            assert standing == (status in {Status.PENDING, Status.OPEN})

    def check(row: OrderRow, events: list[AnyEvent]) -> None:
        assert (row.status, row.reject_reason) == (status, reason)
        assert (row.account, row.client_oid, row.created) == ("ann", "a-1", events[0].time)
        read = steps[0] is not UNREAD[0]
        wanted = (Side.BUY, 9_000, 7, True, 3, SelfTradePrevention.CO) if read else (None, 0, 0, False, 0, None)
        assert (row.side, row.price, row.size, row.post_only, row.max_floor, row.stp) == wanted
        assert (row.seq, row.updated) == (events[-1].seq, events[-1].time)

    asyncio.run(tables(servers, steps, {"batch_events": batch_events}, look))


def test_dead_letters_page_by_page(servers: Addresses) -> None:
    def died(account: str, cause: FailureCause) -> Steps:
        return [(DIED[0][0], DIED[0][1] | {"account": account, "cause": cause, "last": True})]

    steps = [
        *died("ann", FailureCause.FAULT),
        *died("bob", FailureCause.CRASH),
        *died("ann", FailureCause.VERSION),
        (facts.CommandDeadLettered, DIED[0][1] | {"last": True, "account": "", "number": 0, "command_id": NO_ID, "order_id": NO_ID,
            "client_oid": "", "kind": 0, "cause": FailureCause.UNREADABLE}),
    ]  # fmt: skip
    traffic = Traffic()
    names = [DeadLetterName(0, traffic.offset + at) for at in range(1, 5)]
    closing = {"dead_letter": names[0], "reason": ClosedReason.DISCARDED, "note": "a test", "number": 0}
    steps.append((facts.DeadLetterClosed, closing))

    async def look(address: str, events: list[AnyEvent]) -> None:
        async with connected(address) as connection:

            async def page(**wanted: Any) -> list[DeadLetterName]:
                return [row.name for row in await dead_letters_page(connection, DeadLetterPage(10, **wanted))]

            first = await dead_letter(connection, names[0])
            assert first is not None
            assert (first.closed, first.closed_at, first.note) == (ClosedReason.DISCARDED, events[-1].time, "a test")
            assert (first.product_id, first.failures, first.kind) == (traffic.product_id, 3, PLACE)
            unread = await dead_letter(connection, names[3])
            assert unread is not None
            assert (unread.command_id, unread.product_id, unread.closed) == (None, None, None)
            assert await dead_letter(connection, DeadLetterName(1, 1)) is None
            assert await page() == names[::-1]
            assert await page(open=True) == names[:0:-1]
            assert await page(open=False) == names[:1]
            assert await page(account="ann") == [names[2], names[0]]
            assert await page(cause=FailureCause.CRASH) == [names[1]]
            assert await page(product_id=traffic.product_id) == names[2::-1]
            assert await page(since=events[1].time, until=events[3].time) == [names[2], names[1]]
            middle = cursor(await dead_letter(connection, names[1]))
            assert await page(after=middle) == [names[0]]
            assert await page(before=middle) == [names[3], names[2]]

    def cursor(row: DeadLetterRow | None) -> DeadLetterCursor:
        assert row is not None
        return DeadLetterCursor(row.died_at, row.partition, row.command_offset)

    asyncio.run(tables(servers, steps, {}, look))
