"""Collapsing a batch gives what one row change an event would give, however the log is cut into batches."""

from collections.abc import Sequence
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import events as facts
from libs.events.codec import encode
from libs.events.events import AnyEvent
from libs.events.values import DoneReason, RejectReason, Side
from libs.read_model.positions import Position
from libs.read_model.status import Status
from services.read_model_builder.changes import Changes
from services.read_model_builder.intake import Piece
from services.read_model_builder.rows import NewOrder, OrderChange
from tests.unit.read_model.naive import NaiveTables, Row
from tests.unit.read_model.traffic import Traffic

COLUMN = {"filled": "filled_size", "value": "executed_value", "taken_off": "taken_off"}


def piece(events: Sequence[AnyEvent], partition: int = 0) -> Piece:
    before = Position(partition, events[0].seq, 0)
    after = Position(partition, events[-1].seq + 1, 1, events[-1].command_offset, events[-1].time)
    return Piece(before, after, events, [encode(event) for event in events])


def collapsed(events: Sequence[AnyEvent]) -> Changes:
    changes = Changes()
    changes.apply(piece(events))
    return changes


def inserted(order: NewOrder) -> Row:
    row = {COLUMN.get(name, name): getattr(order, name) for name in order.__struct_fields__}
    replay = row.pop("replay_of")
    return row | {
        "partition": order.number % 256,
        "first_order_id": order.first_order_id or None,
        "replay_partition": getattr(replay, "partition", None),
        "replay_offset": getattr(replay, "offset", None),
    }


def updated(row: Row, change: OrderChange) -> Row:
    """What the statement does: null leaves a column, deltas are added, an older change is ignored."""
    given_values = {name: getattr(change, name) for name in change.__struct_fields__}
    new = row | {name: value for name, value in given_values.items() if value is not None and name not in COLUMN}
    for delta, column in COLUMN.items():
        total, part = row[column], given_values[delta]
        assert isinstance(total, int)
        assert isinstance(part, int)
        new[column] = total + part
    return new


def write(orders: dict[bytes, Row], changes: Changes) -> None:
    for order_id, order in changes.new.items():
        assert order_id not in orders
        orders[order_id] = inserted(order)
    for order_id, order in changes.stale.items():
        if order_id not in changes.old:
            orders.setdefault(order_id, inserted(order))
    for order_id, change in changes.old.items():
        orders[order_id] = updated(orders[order_id], change)


@cache
def history() -> tuple[list[AnyEvent], NaiveTables]:
    traffic = Traffic(seed=7)
    traffic.run(700)
    traffic.relist()
    traffic.time += 200_000_000_000  # the window forgets, so places can come too late
    traffic.run(700)
    oracle = NaiveTables()
    for event in traffic.events:
        oracle.apply(event, 0)
    return traffic.events, oracle


def test_the_traffic_has_every_kind_of_event() -> None:
    kinds = {type(event) for event in history()[0]}
    assert kinds >= {
        facts.OrderAccepted, facts.OrderRejected, facts.AmendRejected, facts.CancelRejected, facts.CommandRejected,
        facts.OrderRested, facts.TradeExecuted, facts.OrderAmended, facts.OrderDone, facts.CancelAllDone,
        facts.ProductListed, facts.TradingStatusChanged, facts.ProductDelisted, facts.DuplicateIgnored,
        facts.RulesChanged, facts.ProductUpdated, facts.StopArmed, facts.StopTriggered, facts.OrderReplenished,
        facts.SelfTradePrevented, facts.CancelAllAfterArmed, facts.CancelAllAfterDisarmed, facts.CancelAllAfterFired,
        facts.TimeAdvanced,
    }  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_cut_into_batches_gives_the_rows_of_the_oracle(data: st.DataObject) -> None:
    events, oracle = history()
    ends = [place + 1 for place, event in enumerate(events) if event.last]
    cuts = sorted({*data.draw(st.lists(st.sampled_from(ends), max_size=30)), len(events)})
    orders: dict[bytes, Row] = {}
    trades: list[tuple[int, int]] = []
    start = 0
    for end in cuts:
        changes = collapsed(events[start:end])
        write(orders, changes)
        trades += [(trade.number, trade.trade_id) for trade in changes.trades]
        assert len(changes.archive) == end - start
        start = end
    assert orders == oracle.orders
    assert trades == list(oracle.trades)


def header(
    seq: int, *, command_id: bytes = b"c" * 16, last: bool = True
) -> tuple[int, int, int, int, int, bytes, bool, str, int, int]:
    return seq, 256, seq, 1_000 + seq, seq, command_id, last, "ann", 0, 0


def test_the_traffic_ends_and_amends_orders_in_many_ways() -> None:
    events, _ = history()
    rare = {DoneReason.TRADING_STATUS, DoneReason.PRICE_COLLAR, DoneReason.DEAD_LETTERED}
    assert {event.reason for event in events if isinstance(event, facts.OrderDone)} >= set(DoneReason) - rare
    amended = [event for event in events if isinstance(event, facts.OrderAmended)]
    for field in ("stop_price", "max_floor", "expire_time"):
        assert any(getattr(event, field) for event in amended), field


def test_a_change_of_an_order_from_before_leaves_what_it_does_not_know() -> None:
    order_id = b"o" * 16
    changes = collapsed([facts.OrderDone(*header(9), order_id, Side.BUY, 5, 3, DoneReason.CANCELED)])
    assert changes.new == {}
    change = changes.old[order_id]
    assert (change.price, change.size, change.priority, change.filled) == (None, None, None, 0)
    assert (change.status, change.remaining, change.displayed, change.done_at) == (Status.DONE, 3, 0, 1_009)


def test_a_late_repeat_changes_no_order_of_its_batch() -> None:
    order_id = b"o" * 16
    done = facts.OrderDone(*header(9), order_id, Side.BUY, 5, 3, DoneReason.CANCELED)
    late = facts.CommandRejected(*header(10, command_id=order_id), order_id, "", RejectReason.STALE, b"")
    changes = collapsed([late, done])
    assert list(changes.old) == [order_id]
    assert changes.old[order_id].status is Status.DONE


def test_a_rejected_command_about_an_order_is_no_outcome_of_it() -> None:
    late = facts.CommandRejected(*header(10), b"o" * 16, "", RejectReason.STALE, b"")
    assert collapsed([late]).stale == {}
