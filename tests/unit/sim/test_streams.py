"""Streams of all rules through the engine and the check: what the engine says holds, and what it did not say is named."""

import random
from collections import Counter
from typing import get_args

import pytest
from msgspec.structs import replace

from libs.events.events import (
    AnyEvent,
    CancelAllAfterFired,
    OrderDone,
    OrderReplenished,
    SelfTradePrevented,
    StopTriggered,
)
from libs.events.values import DoneReason
from sim.check.difference import Difference
from tests.unit.sim.streamed import FAILURES, streamed
from tests.unit.sim.test_naive import other

SEEDS = 6
LENGTH = 2_000
CHANGES = 40


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_the_engine_says_holds(seed: int) -> None:
    stream = streamed(seed, LENGTH)
    outcomes = stream.check(stream.events)
    assert outcomes.between
    assert outcomes.command + 1 == len(stream.commands)
    stream.check_folded(outcomes)


def test_streams_are_worth_it() -> None:
    events = [event for seed in range(SEEDS) for event in streamed(seed, LENGTH).events]
    kinds = Counter(map(type, events))
    assert kinds.keys() == set(get_args(AnyEvent)) - FAILURES
    assert min(kinds[kind] for kind in (StopTriggered, OrderReplenished, SelfTradePrevented, CancelAllAfterFired)) > 30
    assert {event.reason for event in events if isinstance(event, OrderDone)} == set(DoneReason) - {
        DoneReason.DEAD_LETTERED
    }


@pytest.mark.parametrize("seed", range(4))
def test_any_change_of_any_event_is_named(seed: int) -> None:
    stream, rng = streamed(seed, LENGTH // 10), random.Random(seed)
    for _ in range(CHANGES):
        at = rng.randrange(1, len(stream.events))
        event = stream.events[at]
        changed = _changed(event, rng)
        with pytest.raises(Difference, match=f"event {changed.seq}: "):
            stream.check([*stream.events[:at], changed])


def _changed(event: AnyEvent, rng: random.Random) -> AnyEvent:
    name = rng.choice(event.__struct_fields__)
    return replace(event, **{name: other(getattr(event, name))})
