"""Streams in which commands fail, come back, die and are replayed, as the owner of a partition and operators have it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from libs.events.codec import decode_envelope, encode
from libs.events.commands import AnyCommand, DiscardDeadLetter, PlaceOrder
from libs.events.events import (
    REJECTIONS,
    AnyEvent,
    CommandDeadLettered,
    CommandDeferred,
    CommandResumed,
    DeadLetterClosed,
)
from libs.events.ids import replay_key
from libs.events.values import NO_ID, DeadLetterName, FailureCause
from tests.property.choosing import one_in
from tests.property.streams import Open, Step, Stream

RARELY: Final = 12
"""A command fails, or an operator looks at the dead letters, once in so many."""
FIRST: Final = (FailureCause.VERSION, FailureCause.VERSION, FailureCause.FAULT, FailureCause.CRASH)
AGAIN: Final = (FailureCause.VERSION, FailureCause.VERSION, FailureCause.FAULT)


@dataclass
class Troubled(Stream):
    partition: int = 0
    causes: tuple[FailureCause, ...] = FIRST
    """How commands fail that come for the first time, or again as they were."""
    parked: dict[bytes, AnyCommand] = field(default_factory=dict)
    """As they come back."""
    dead: dict[int, AnyCommand | None] = field(default_factory=dict)
    """By their offset; None of bytes without an envelope."""
    told: AnyCommand | None = None
    """The command of the last step."""

    def next(self) -> Step:
        if self.parked and one_in(self.choose, 3):
            return self._come_back()
        if not one_in(self.choose, RARELY):
            return self._step(super().next())
        if self.dead and one_in(self.choose, 2):
            replay = self._at(self._operate())
            return self._step(self._failed(replay, self.choose.pick(self.causes))) if one_in(self.choose, 3) else replay
        step = super().next()
        if one_in(self.choose, 12):
            return self._step(Step(step.command, step.offset, step.time, FailureCause.UNREADABLE))
        return self._step(self._failed(step, self.choose.pick(self.causes)))

    def learn(self, events: Sequence[AnyEvent]) -> None:
        super().learn(events)
        for event in events:
            match event:
                case CommandDeferred():
                    assert self.told is not None
                    self.parked[event.command_id] = replace(self.told, attempt=event.attempt)
                case CommandResumed():
                    self.parked.pop(event.command_id)
                case CommandDeadLettered():
                    self.parked.pop(event.command_id, None)
                    self.dead[event.command_offset] = self.told if event.command_id else None
                case DeadLetterClosed():
                    self.dead.pop(event.dead_letter.offset)
            if isinstance(event, REJECTIONS) and event.parked_id:
                self.parked.pop(event.parked_id)

    def _order(self) -> Open:
        """What clients amend and cancel may be parked."""
        command = self.choose.pick(tuple(self.parked.values())) if self.parked and one_in(self.choose, 3) else None
        if isinstance(command, PlaceOrder):
            return Open(command.order_id, command.account, command.client_oid, command.number)
        return super()._order()

    def _step(self, step: Step) -> Step:
        self.told = step.command
        return step

    def _at(self, command: AnyCommand) -> Step:
        self.offset += 1
        return self._step(Step(command, self.offset, self._pass_time()))

    def _failed(self, step: Step, cause: FailureCause) -> Step:
        """Of a later version, nothing but the envelope is read."""
        read = decode_envelope(encode(step.command)) if cause is FailureCause.VERSION else None
        return Step(step.command, step.offset, step.time, cause, read)

    def _come_back(self) -> Step:
        """Mostly what waits longest, and mostly the attempt that is awaited."""
        waiting = tuple(self.parked.values())
        command = waiting[0] if one_in(self.choose, 2) else self.choose.pick(waiting)
        if one_in(self.choose, 12):
            return self._at(replace(command, attempt=self.choose.integer(0, 4)))
        step = self._at(command)
        return self._step(self._failed(step, self.choose.pick(AGAIN))) if one_in(self.choose, 3) else step

    def _operate(self) -> AnyCommand:
        """A dead letter is replayed, rarely edited or discarded; some replays die again."""
        offset = self.choose.pick(tuple(self.dead))
        name, dead = DeadLetterName(self.partition, offset), self.dead[offset]
        number = self._number() if dead is None else dead.number
        if one_in(self.choose, 6):
            head = self._head(number, "op")
            return DiscardDeadLetter(*head, name, "no use")
        command = self._place(number) if dead is None or one_in(self.choose, 8) else dead
        command_id = self._id(number)
        return replace(
            command,
            command_id=command_id,
            order_id=command_id if isinstance(command, PlaceOrder) else command.order_id or NO_ID,
            key=replay_key(self.partition, offset),
            sent=self._sent(),
            attempt=0,
            replay_of=name,
        )
