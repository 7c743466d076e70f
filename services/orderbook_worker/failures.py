"""What ends a worker, each with its numbers."""

from libs.service.failures import Fatal, Transient


class PositionConflict(Fatal):
    """Log and consumer group disagree about the next command."""


class LaterVersion(Transient):
    """More commands of a later version than are put off at a time: the partition waits for the upgrade."""


class PartitionStuck(Fatal):
    """A partition could not be taken over, or not be let go, within its limit."""


class LogAway(Fatal):
    """This process has had no place in the group for too long; a new one may find the way."""


class StateBroken(Fatal):
    """Log and state contradict each other; nothing more may be decided from it."""
