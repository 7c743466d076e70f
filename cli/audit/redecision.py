"""One partition, event by event: folded up to the range, decided again inside it.

What is decided again is compared in step, so that no more than one command's events are ever held. Two things are
taken as given, since they depend on more than state and command: what the owner of the partition decides itself
(`is_given`), and what another version of the rules decided. Both are folded.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from cli.audit.difference import Different, Field, Place, compare
from libs.book.fold import Broken, fold
from libs.events.codec import Unreadable, decode_command, decode_envelope, decode_event, encode
from libs.events.events import AnyEvent, CommandDeadLettered, CommandDeferred
from libs.events.values import FailureCause, Product
from libs.kafka.ports import Record
from libs.matching.engine import Engine

_NANOSECONDS_A_MILLISECOND: Final = 1_000_000

Asked = Callable[[int], Record | None]
"""The command at an offset of `orders`; None when there is none."""


def is_given(event: AnyEvent) -> bool:
    """Whether the owner of the partition decided it: a fact of no command, or what became of one that failed.

    Of a command that failed this is its first event, and the rest goes with it. One that waits behind another has not.
    """
    if isinstance(event, CommandDeferred):
        return event.cause is not FailureCause.FOLLOWER
    return isinstance(event, CommandDeadLettered) or not event.command_id


class Redecision:
    """Takes every event of a partition behind the engine's state. Decides the commands from `start` to before `end`."""

    def __init__(self, partition: int, start: int, end: int, asked: Asked, engine: Engine) -> None:
        self.redecided = 0
        """Commands that gave the events that were published."""
        self.events = 0
        """Their events."""
        self.other_form = 0
        """Those of them that say the same in other bytes: their writer knew fewer fields, or more."""
        self.folded = 0
        """Commands before the range."""
        self.given = 0
        """Commands that failed, and facts of none, as the owner of the partition decided them, in the range."""
        self.left_out: Counter[int] = Counter()
        """Commands of the range that other rules decided, by their version."""
        self._partition = partition
        self._start = start
        self._end = end
        self._asked = asked
        self._engine = engine
        self._expected: list[AnyEvent] = []
        self._at = 0
        """How many of the expected events have come."""
        self._folding = False
        """In the middle of a command that is taken as given."""

    @property
    def next_command(self) -> int:
        """The offset behind the last command whose events have begun."""
        return self._engine.state.command_offset + 1

    @property
    def is_over(self) -> bool:
        """Nothing that follows belongs to the range."""
        return self.next_command >= self._end and not self._expected and not self._folding

    def take(self, record: Record) -> None:
        """The next event. Raises Different."""
        try:
            event: AnyEvent = decode_event(record.value or b"")
        except Unreadable as error:
            raise self._different(record.offset, f"it cannot be read: {error}") from error
        if self._expected:
            self._compare(record, event)
        elif self._folding or is_given(event) or not self._begin(record.offset):
            self._take_as_given(record.offset, event)
        else:
            self._compare(record, event)

    def finish(self) -> None:
        """The log of events ends here. Raises Different when a command has not all of its events."""
        if self._expected:
            missing = self._expected[self._at]
            raise self._different(
                -1, "the log ends within a command", compare(missing, None, self._product(missing)), missing.seq
            )

    def _begin(self, event_offset: int) -> bool:
        """Decide the next command, if it is one of the range and of the present rules."""
        state = self._engine.state
        offset = state.command_offset + 1
        if not self._start <= offset < self._end or state.rules != self._engine.rules:
            return False
        record = self._asked(offset)
        if record is None:
            raise self._different(event_offset, "orders has no such command", command=offset)
        try:
            self._expected = self._decide(record)
        except Unreadable as error:
            raise self._different(event_offset, f"the command cannot be read: {error}", command=offset) from error
        except Exception as error:
            raise self._different(event_offset, f"the rules fail on the command: {error!r}", command=offset) from error
        self._at = 0
        return True

    def _decide(self, record: Record) -> list[AnyEvent]:
        """Of what cannot be read but by its envelope, the worker said so; repeats and followers are told all the same."""
        time, value = record.timestamp * _NANOSECONDS_A_MILLISECOND, record.value or b""
        try:
            command = decode_command(value)
        except Unreadable:
            return self._engine.fail(decode_envelope(value), record.offset, time, FailureCause.VERSION)
        return self._engine.handle(command, record.offset, time)

    def _compare(self, record: Record, event: AnyEvent) -> None:
        decided = self._expected[self._at]
        if record.value != encode(decided):
            fields = compare(decided, event, self._product(decided))
            if fields:
                raise self._different(record.offset, "the event is not what was decided", fields, event.seq)
            self.other_form += 1
        self.events += 1
        self._at += 1
        if self._at == len(self._expected):
            self.redecided += 1
            self._expected = []

    def _take_as_given(self, offset: int, event: AnyEvent) -> None:
        state = self._engine.state
        if not self._folding:
            self._begin_given(event)
        try:
            fold(state, event)
        except Broken as error:
            raise self._different(offset, f"it does not follow: {error}", seq=event.seq) from error
        self._folding = not event.last

    def _begin_given(self, event: AnyEvent) -> None:
        """Count what is taken as given by its first event."""
        state = self._engine.state
        in_range = self._start <= state.command_offset + 1 < self._end
        if is_given(event):
            self.given += in_range
        elif in_range:
            self.left_out[state.rules] += 1
        else:
            self.folded += 1

    def _product(self, event: AnyEvent) -> Product | None:
        book = self._engine.state.products.get(event.number)
        return None if book is None else book.product

    def _different(
        self,
        event_offset: int,
        what: str,
        fields: tuple[Field, ...] = (),
        seq: int | None = None,
        command: int | None = None,
    ) -> Different:
        state = self._engine.state
        at = state.command_offset if command is None else command
        return Different(Place(self._partition, at, event_offset, state.seq + 1 if seq is None else seq), what, fields)
