"""The engine against the oracle: short streams that hypothesis shrinks, and long ones from seeds.

`make nightly` runs the long ones for a million commands and more.
"""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.events import CommandRejected, ProductListed
from libs.events.values import RejectReason
from tests.oracle.products import COUNTER_LIMIT, PARTITIONS
from tests.property.choosing import Drawn, Seeded, one_in
from tests.property.coverage import TROUBLES
from tests.property.pair import Pair
from tests.property.run import LONG, TROUBLED, Shape, run
from tests.property.streams import START, Step, Stream
from tests.unit.matching.script import listing

SEEDS = (1, 2)
COMMANDS = 25_000
"""Of each seed."""
RESTARTS = 600


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_short_streams(data: st.DataObject) -> None:
    """One product; the fold is looked at after every command, and the engine starts anew at any point."""
    choose = Drawn(data)
    stream, pair = Stream(choose, products=1), Pair()
    for _ in range(choose.integer(2, 40)):
        stream.learn(pair.handle(stream.next()))
        pair.check_state()
        if one_in(choose, 10):
            pair.restart()


def test_a_snapshot_is_as_good_as_the_history_at_every_point() -> None:
    stream, pair = Stream(Seeded(7)), Pair()
    for _ in range(RESTARTS):
        stream.learn(pair.handle(stream.next()))
        pair.check_state()
        pair.restart()


def test_long_streams_reach_every_rule_and_agree() -> None:
    coverage = run(SEEDS, COMMANDS, LONG)
    assert not coverage.missing()


def test_deep_books_agree() -> None:
    """Hundreds of orders rest, and levels are long."""
    run((3,), 1_500, Shape(products=1, calm=3, prefill=1_000, checked=100, restarted=500))


def test_a_hurry_agrees_and_forgets_by_the_generation() -> None:
    coverage = run((4,), 20_000, Shape(hurried=True, window=10_000, checked=500, restarted=0))
    assert coverage.reached["CommandRejected STALE"] > 10


def test_what_fails_comes_back_dies_and_is_replayed_agrees() -> None:
    coverage = run((5, 6), 5_000, TROUBLED)
    assert not coverage.missing(TROUBLES)


def test_numbers_of_products_run_out() -> None:
    pair = Pair()
    for counter in (pair.engine.state, pair.folded, pair.oracle.listings):
        counter.counter = COUNTER_LIMIT - 1
    last, refused = (
        pair.handle(Step(listing(name.encode() * 16, name), offset, START)) for offset, name in enumerate("AB")
    )
    assert isinstance(last[0], ProductListed)
    assert last[0].number == COUNTER_LIMIT * PARTITIONS
    assert isinstance(refused[0], CommandRejected)
    assert refused[0].reason is RejectReason.TOO_MANY_PRODUCTS
    pair.check_state()
