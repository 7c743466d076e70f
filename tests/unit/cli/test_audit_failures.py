"""What the worker decided when commands failed is taken as given; what the rules decided around it is decided again."""

import pytest

from cli.audit.difference import Different
from cli.audit.redecision import Redecision
from libs.events.codec import encode
from libs.events.events import AnyEvent, CommandResumed
from libs.events.topics import ORDER_EVENTS, ORDERS
from libs.events.values import FailureCause
from libs.kafka.memory.storage import MemoryRecord
from libs.matching.engine import Engine
from tests.property.choosing import Seeded
from tests.property.pair import decided
from tests.property.streams import Step
from tests.property.trouble import Troubled

COMMANDS = 600


def history() -> tuple[list[Step], list[AnyEvent]]:
    """A partition in which commands fail, with times of whole milliseconds, as they stand in the log."""
    stream, engine, steps = Troubled(Seeded(5), products=1, causes=(FailureCause.VERSION,)), Engine(0), list[Step]()
    events = engine.adopt_rules()
    for _ in range(COMMANDS):
        step = stream.next()
        found = decided(engine, step)
        stream.learn(found)
        steps.append(step)
        events += found
    return steps, events


STEPS, EVENTS = history()


def redecided(events: list[AnyEvent], start: int = 0) -> Redecision:
    def asked(offset: int) -> MemoryRecord:
        step = STEPS[offset]
        value = b"" if step.cause is FailureCause.UNREADABLE else encode(step.read or step.command)
        return MemoryRecord(ORDERS, 0, offset, step.time // 1_000_000, None, value, ())

    audit = Redecision(0, start, COMMANDS, asked, Engine(0))
    for offset, event in enumerate(events):
        audit.take(MemoryRecord(ORDER_EVENTS, 0, offset, 0, None, encode(event), ()))
    audit.finish()
    return audit


@pytest.mark.parametrize("start", [0, COMMANDS // 2])
def test_what_failed_is_given_and_the_rest_is_decided_again(start: int) -> None:
    audit = redecided(EVENTS, start)
    assert audit.given > 10
    assert audit.redecided + audit.given >= COMMANDS - start
    assert not audit.left_out


def test_what_a_parked_command_caused_is_compared() -> None:
    at = next(at for at, event in enumerate(EVENTS) if isinstance(event, CommandResumed))
    with pytest.raises(Different):
        redecided(EVENTS[:at] + EVENTS[at + 1 :])
