"""Invariants 1 to 5 of the core, for any stream of commands, sensible or not."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from libs.events.codec import decode_event, encode
from libs.events.commands import AnyCommand, ListProduct
from libs.events.events import AnyEvent, TradeExecuted
from libs.events.values import NO_ID, Side
from libs.matching import Engine
from tests.property.streams import START, order_id, streams

LISTING = ListProduct(order_id(2**40, 0), "op", 0, NO_ID, "", 0, START, 0, None, "TEST", "T", "USD", 0, 0, 1, 1)


def run(stream: Sequence[AnyCommand], engine: Engine, first_offset: int) -> list[list[AnyEvent]]:
    """Each command a millisecond after the one before."""
    return [
        engine.handle(command, offset, START + offset * 1_000_000)
        for offset, command in enumerate(stream, first_offset)
    ]


def opened() -> tuple[Engine, list[AnyEvent]]:
    engine = Engine(0)
    return engine, [*engine.adopt_rules(), *engine.handle(LISTING, 0, START)]


@settings(max_examples=150, deadline=None)
@given(streams())
def test_state_is_the_fold_of_the_events_after_every_command(stream: list[AnyCommand]) -> None:
    engine, facts = opened()
    folded = PartitionState(0)
    for event in facts:
        fold(folded, event)
    for offset, command in enumerate(stream, 1):
        events = engine.handle(command, offset, START + offset * 1_000_000)
        assert events
        assert [event.last for event in events] == [False] * (len(events) - 1) + [True]
        for event in events:
            fold(folded, decode_event(encode(event)))
        check(engine.state)
        assert state_hash(folded) == state_hash(engine.state)


@settings(max_examples=100, deadline=None)
@given(streams(), st.data())
def test_a_restored_engine_goes_on_with_the_same_bytes(stream: list[AnyCommand], data: st.DataObject) -> None:
    engine, _ = opened()
    at = data.draw(st.integers(0, len(stream)))
    run(stream[:at], engine, 1)
    restored = Engine(0, load(dump(engine.state)))
    assert encode(run(stream[at:], restored, at + 1)) == encode(run(stream[at:], engine, at + 1))
    assert dump(restored.state) == dump(engine.state)


@settings(max_examples=100, deadline=None)
@given(streams())
def test_numbers_have_no_hole_and_trades_create_nothing(stream: list[AnyCommand]) -> None:
    engine, facts = opened()
    for events in run(stream, engine, 1):
        facts += events
    assert [event.seq for event in facts] == list(range(1, len(facts) + 1))
    trades = [event for event in facts if isinstance(event, TradeExecuted)]
    assert [trade.trade_id for trade in trades] == list(range(1, len(trades) + 1))
    traded: Counter[tuple[bytes, Side]] = Counter()
    for trade in trades:
        opposite = Side.SELL if trade.taker_side is Side.BUY else Side.BUY
        traded[trade.taker_order_id, trade.taker_side] += trade.size
        traded[trade.maker_order_id, opposite] += trade.size
    sides: Counter[Side] = Counter()
    for (_, side), size in traded.items():
        sides[side] += size
    assert sides[Side.BUY] == sides[Side.SELL]
    for book in engine.state.products.values():
        for order in book.orders.values():
            assert order.filled == traded[order.order_id, order.side]
