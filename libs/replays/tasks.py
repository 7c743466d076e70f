"""A replay from plan to end: which state its records mean, and what may be asked of it in which. Pure.

planned ─confirm─► confirmed ─► running ─► done | failed
   │                  └─pause─► paused ─resume─► …
   └────────────── cancel ──────────────► canceled
"""

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from libs.replays.records import MOST_FAILURES, Control, Failure, Plan, Progress, Wish


class State(StrEnum):
    PLANNED = "planned"
    """Nothing is sent before it is confirmed."""
    CONFIRMED = "confirmed"
    """Its turn has not come."""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELED = "canceled"
    DONE = "done"
    """Every letter was sent. What became of each, the events say."""
    FAILED = "failed"
    """Ended, and some letters could not be sent: `failures` says which."""


class Action(StrEnum):
    CONFIRM = "confirm"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


ENDED: Final = frozenset((State.CANCELED, State.DONE, State.FAILED))
RUNNABLE: Final = frozenset((State.CONFIRMED, State.RUNNING))
_WISHES: Final = {
    Action.CONFIRM: Wish.RUN,
    Action.PAUSE: Wish.PAUSE,
    Action.RESUME: Wish.RUN,
    Action.CANCEL: Wish.CANCEL,
}
_FROM: Final = {
    Action.CONFIRM: frozenset((State.PLANNED,)),
    Action.PAUSE: RUNNABLE,
    Action.RESUME: frozenset((State.PAUSED,)),
    Action.CANCEL: frozenset((State.PLANNED, State.PAUSED)) | RUNNABLE,
}


class NotAllowed(Exception):
    """The message says what was asked, and in which state the replay is."""

    def __init__(self, state: State, action: Action) -> None:
        super().__init__(f"a replay that is {state} cannot be asked to {action}")
        self.state = state


class WrongHash(Exception):
    """Whoever confirms has seen another plan."""


class Task(NamedTuple):
    """A replay as its last records have it."""

    plan: Plan
    control: Control | None = None
    progress: Progress | None = None

    @property
    def state(self) -> State:
        if self.control is None:
            return State.PLANNED
        progress = self.progress
        if progress is not None and progress.next >= len(self.plan.letters):
            return State.FAILED if progress.failed else State.DONE
        if self.control.wish is not Wish.RUN:
            return State.PAUSED if self.control.wish is Wish.PAUSE else State.CANCELED
        return State.CONFIRMED if progress is None else State.RUNNING

    def asked(self, action: Action, actor: str, now: int, shown_hash: str = "") -> Control | None:
        """What to write; None where that is what was wanted already. Raises NotAllowed, or WrongHash of a confirmation."""
        if action is Action.CONFIRM and shown_hash != self.plan.hash:
            raise WrongHash(f"the plan's hash is {self.plan.hash}, not {shown_hash[:80]!r}")
        wish, control = _WISHES[action], self.control
        if control is not None and control.wish is wish:
            return None
        if self.state not in _FROM[action]:
            raise NotAllowed(self.state, action)
        confirmed = control.confirmed if control is not None else 0
        if action is Action.CONFIRM:
            confirmed = now
        return Control(id=self.plan.id, wish=wish, actor=actor, at=now, confirmed=confirmed)

    def took(self, record: Plan | Control | Progress) -> "Task":
        """With one more record of the log. Two that run it for a moment never take it back."""
        if isinstance(record, Control):
            return self._replace(control=record)
        if isinstance(record, Progress) and (self.progress is None or record.next >= self.progress.next):
            return self._replace(progress=record)
        return self


class Tally:
    """Counts a runner's way through the letters, from where the last record stands."""

    def __init__(self, task: Task, runner: str) -> None:
        self._progress = task.progress or Progress(id=task.plan.id, at=0)
        self._progress = msgspec.structs.replace(self._progress, runner=runner)
        self.unwritten = False
        """Whether letters were dealt with since the last record."""

    @property
    def task_id(self) -> str:
        return self._progress.id

    @property
    def next(self) -> int:
        """The letter to deal with."""
        return self._progress.next

    def sent(self) -> None:
        was = self._progress
        self._progress = msgspec.structs.replace(was, next=was.next + 1, sent=was.sent + 1)
        self.unwritten = True

    def failed(self, failure: Failure) -> None:
        was = self._progress
        told = (*was.failures, failure)[:MOST_FAILURES]
        self._progress = msgspec.structs.replace(was, next=was.next + 1, failed=was.failed + 1, failures=told)
        self.unwritten = True

    def record(self, now: int) -> Progress:
        """To be written down."""
        self.unwritten = False
        return msgspec.structs.replace(self._progress, at=now)
