"""What ends a worker, each with its numbers."""

from libs.service.failures import Fatal


class PositionConflict(Fatal):
    """Log and consumer group disagree about the next command."""


class UnreadableCommand(Fatal):
    """Bytes in `orders` that hold no command of this version: the partition stops rather than skip them."""


class PartitionStuck(Fatal):
    """A partition could not be taken over, or not be let go, within its limit."""


class StateBroken(Fatal):
    """Log and state contradict each other; nothing more may be decided from it."""
