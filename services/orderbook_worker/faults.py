"""What this process remembers of commands that failed in a partition, from one take-over to the next.

A fault may leave the state half changed. So nothing more is decided on it: the state is rebuilt from the log, and only
then the command is set aside, on what is noted here. A process that dies in between has noted nothing, and the fault
comes again.
"""

from collections.abc import Callable

from libs.events.events import AnyEvent
from libs.events.values import FailureCause
from libs.matching.timing import DeadlineFault
from libs.service.failures import Transient
from services.orderbook_worker.letters import Failure, failure_of

DEADLINE_TRIES = 2
"""A deadline that raised an error is tried once more, on a rebuilt state; then it is called off."""


class Faulted(Transient):
    """A decision raised an error. Take over again: the state it left is no state of the log."""

    def __init__(self, partition: int, offset: int, error: Exception) -> None:
        super().__init__(f"partition {partition} at command {offset}: {type(error).__name__}: {error}")


class Faults:
    """Of one partition."""

    def __init__(self) -> None:
        self.failed: dict[int, Failure] = {}
        """Commands to be set aside, by offset."""
        self._deadlines: dict[tuple[int, str | bytes], int] = {}
        self._due: dict[int, DeadlineFault] = {}

    def note(self, offset: int, error: Exception) -> None:
        """What a decision raised."""
        if isinstance(error, DeadlineFault):
            name = error.number, error.name
            self._deadlines[name] = times = self._deadlines.get(name, 0) + 1
            if times >= DEADLINE_TRIES:
                self._due[offset] = error
        else:
            self.failed[offset] = failure_of(error)

    def crashed(self, offset: int, tries: int) -> None:
        """Process after process died of it."""
        self.failed[offset] = Failure(FailureCause.CRASH, f"{tries} processes ended while it was decided")

    def forget_before(self, next_command: int) -> None:
        """What the log holds the outcome of fails no more."""
        self.failed = {offset: failure for offset, failure in self.failed.items() if offset >= next_command}
        for offset in [offset for offset in self._due if offset < next_command]:
            fault = self._due.pop(offset)
            self._deadlines.pop((fault.number, fault.name), None)

    def __bool__(self) -> bool:
        return bool(self.failed or self._due)

    def call_off(self, offset: int, drop: Callable[[DeadlineFault], list[AnyEvent]]) -> list[AnyEvent]:
        """The events of a deadline that is called off before this command; none where none is."""
        fault = self._due.get(offset)
        return [] if fault is None else drop(fault)
