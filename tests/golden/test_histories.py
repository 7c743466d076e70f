"""Every version folds what was once published to the same state, and decides what its own rules decided, byte for byte."""

from pathlib import Path

import msgspec
import pytest

from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import dump, load, state_hash
from libs.events.codec import decode_command, decode_envelope, decode_event, encode
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.events.values import FailureCause
from libs.matching.engine import RULES, Engine
from tests.golden import record
from tests.golden.digest import digest
from tests.golden.history import History, Step, recorded, save
from tests.golden.history import load as load_history
from tests.golden.schema import present

RECORDED = [load_history(path) for path in recorded()]
OWN = [history for history in RECORDED if history.rules == RULES]


def named(history: History) -> str:
    return f"rules-{history.rules}-{history.name}"


every_history = pytest.mark.parametrize("history", RECORDED, ids=named)
every_own_history = pytest.mark.parametrize("history", OWN, ids=named)


def folded(history: History, steps: list[Step]) -> PartitionState:
    """Raises AssertionError at the first step whose state is not what it was."""
    state = PartitionState(history.partition)
    for step in steps:
        for value in step.events:
            event: AnyEvent = decode_event(value)
            fold(state, event)
        found = digest(state, history.digest)
        assert found == step.digest, f"the state after command {step.offset} is not what it was"
    check(state)
    return state


@every_history
def test_every_version_folds_it_to_the_same_state_after_each_command(history: History) -> None:
    assert folded(history, history.steps).rules == history.rules


@every_history
def test_its_commands_are_read(history: History) -> None:
    for step in history.steps:
        if step.command is not None:
            command: AnyCommand = decode_command(step.command)
            assert len(command.command_id) == 16


@every_own_history
def test_its_own_version_decides_the_same_bytes(history: History) -> None:
    engine = Engine(history.partition)
    state = PartitionState(history.partition)
    for step in history.steps:
        events = engine.adopt_rules() if step.command is None else decided(engine, step)
        assert [encode(event) for event in events] == step.events, f"command {step.offset} is decided otherwise"
        for event in events:
            fold(state, event)
        assert state_hash(state) == state_hash(engine.state)


def decided(engine: Engine, step: Step) -> list[AnyEvent]:
    value = step.command or b""
    if not step.cause:
        return engine.handle(decode_command(value), step.offset, step.time)
    cause = FailureCause(step.cause)
    if cause is FailureCause.UNREADABLE:
        return engine.fail(None, step.offset, step.time, cause)
    read = decode_envelope(value) if cause is FailureCause.VERSION else decode_command(value)
    return engine.fail(read, step.offset, step.time, cause)


@every_own_history
@pytest.mark.parametrize("part", [1, 2, 3])
def test_its_own_version_goes_on_from_a_snapshot_within(history: History, part: int) -> None:
    at = len(history.steps) * part // 4
    engine = Engine(history.partition, load(dump(folded(history, history.steps[:at]))))
    for step in history.steps[at:]:
        assert [encode(event) for event in decided(engine, step)] == step.events


def test_the_present_rules_have_a_history_of_each_scenario() -> None:
    missing = {*record.SCENARIOS, record.FAILURES} - {history.name for history in OWN}
    assert not missing, f"no history of rules {RULES} for {sorted(missing)}: run python -m tests.golden.record"


def test_every_event_and_every_command_of_the_present_rules_stands_in_a_history() -> None:
    tags = {"events": set[int](), "commands": set[int]()}
    for history in OWN:
        for step in history.steps:
            tags["events"].update(msgspec.msgpack.decode(value)[0] for value in step.events)
            if step.command is not None:
                tags["commands"].add(msgspec.msgpack.decode(step.command)[0])
    for topic, messages in present().messages.items():
        assert not {message.name for tag, message in messages.items() if tag not in tags[topic]}


def test_a_changed_byte_is_seen() -> None:
    """What these tests are for: an event that says something else gives another state."""
    history = RECORDED[0]
    steps = list(history.steps)
    at = next(at for at, step in enumerate(steps) if len(step.events) > 2)
    fields = msgspec.msgpack.decode(steps[at].events[-1])
    fields[4] += 1  # engine time
    changed = [*steps[at].events[:-1], msgspec.msgpack.encode(fields)]
    steps[at] = Step(steps[at].offset, steps[at].time, steps[at].command, changed, steps[at].digest)
    with pytest.raises(AssertionError, match=f"after command {steps[at].offset} "):
        folded(history, steps)


def test_a_scenario_is_the_same_every_time() -> None:
    first, second = record.record("x", record.scenario("everything")), record.record("x", record.scenario("everything"))
    assert msgspec.msgpack.encode(first) == msgspec.msgpack.encode(second)


def test_what_is_recorded_is_never_written_again(tmp_path: Path) -> None:
    history = record.record("x", [])
    path = save(history, tmp_path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        save(history, tmp_path)
    assert path.read_bytes() == before
    assert load_history(path) == history
