"""Whatever a topic may hold: senseless values make a rejection with its reason, and bytes are at most Unreadable."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from libs.book.snapshot import dump
from libs.events.codec import Unreadable, decode_command, decode_event, decode_product, encode
from libs.events.commands import AnyCommand
from libs.events.events import (
    AmendRejected,
    AnyEvent,
    CancelRejected,
    CommandRejected,
    DuplicateIgnored,
    OrderRejected,
)
from libs.events.values import NO_ID
from libs.matching import Engine
from tests.property.choosing import Seeded
from tests.property.pair import Pair
from tests.property.streams import ACCOUNTS, START, Step, Stream
from tests.property.wire import any_command

WARM = 60
BOOKS = slice(6, 9)
"""Where counter, books and tombstones stand in a snapshot."""
CHANGED_NOTHING = (OrderRejected, AmendRejected, CancelRejected, CommandRejected, DuplicateIgnored)

Seen = tuple[Step, list[AnyEvent]]


def _warm() -> list[Seen]:
    """A short history of two products, and what came of it."""
    stream, pair = Stream(Seeded(11), products=2), Pair()
    seen: list[Seen] = []
    for _ in range(WARM):
        step = stream.next()
        seen.append((step, pair.handle(step)))
        stream.learn(seen[-1][1])
    return seen


SEEN = _warm()
COMMANDS = [step.command for step, _ in SEEN]
EVENTS = [event for _, events in SEEN for event in events]
KNOWN: dict[str, Sequence[object]] = {
    "number": sorted({event.number for event in EVENTS} | {0}),
    "account": ACCOUNTS,
    "order_id": [*(command.order_id for command in COMMANDS), NO_ID],
    "command_id": [command.command_id for command in COMMANDS[:10]],
    "client_oid": ["", *(command.client_oid for command in COMMANDS if command.client_oid)],
    "sent": [step.time for step, _ in SEEN],
    "key": [0, *(command.key for command in COMMANDS if command.key)],
    "price": range(95, 106),
    "size": range(1, 9),
    "funds": [0],
    "stop_price": [0, 99, 100, 101],
    "max_floor": [0],
    "expire_time": [0, START + 10**12],
}


def books(engine: Engine) -> object:
    """The state but for what every command moves: seq, time, offset, window."""
    return msgspec.msgpack.decode(dump(engine.state))[BOOKS]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(any_command(KNOWN), min_size=1, max_size=5), st.integers(0, 10**10))
def test_any_values_make_an_event_and_a_rejection_changes_nothing(commands: list[AnyCommand], later: int) -> None:
    pair = Pair()
    for step, _ in SEEN:
        pair.handle(step)
    for offset, command in enumerate(commands, WARM):
        before = books(pair.engine)
        events = pair.handle(Step(command, offset, SEEN[-1][0].time + later))
        pair.check_state()
        if isinstance(events[0], CHANGED_NOTHING):
            assert len(events) == 1
            assert books(pair.engine) == before


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=400))
@example(b"")
@example(b"\x91" * 100_000)
def test_any_bytes_are_at_most_unreadable(data: bytes) -> None:
    for decode in (decode_command, decode_event, decode_product):
        try:
            decode(data)
        except Unreadable:
            pass


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The bytes of a message with some of them changed, taken out, or others put in."""
    message = draw(st.sampled_from([*COMMANDS, *EVENTS]))
    data = bytearray(encode(message))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 3))
        data[at : at + length] = draw(st.binary(max_size=4))
    return bytes(data)


@settings(max_examples=500, deadline=None)
@given(damaged())
def test_damaged_messages_are_at_most_unreadable_and_what_is_read_is_decided(data: bytes) -> None:
    try:
        decode_event(data)
    except Unreadable:
        pass
    try:
        command = decode_command(data)
    except Unreadable:
        return
    pair = Pair()
    for step, _ in SEEN:
        pair.handle(step)
    pair.handle(Step(command, WARM, SEEN[-1][0].time))
    pair.check_state()


def nested(message: AnyCommand | AnyEvent, depth: int) -> bytes:
    """A message with a field more than this version knows, and in it arrays in arrays."""
    fields = [message.__struct_config__.tag, *msgspec.structs.astuple(message)]
    data = msgspec.msgpack.encode([*fields, 0])
    return data[:-1] + b"\x91" * depth + b"\xc0"


@pytest.mark.parametrize("depth", [3, 100_000])
def test_what_a_later_version_adds_is_left_out_unless_it_is_nested_too_deep(depth: int) -> None:
    for decode, message in ((decode_command, COMMANDS[0]), (decode_event, EVENTS[0])):
        if depth < 100:
            assert decode(nested(message, depth)) == message
        else:
            with pytest.raises(Unreadable):
                decode(nested(message, depth))
