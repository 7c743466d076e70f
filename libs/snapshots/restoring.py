"""From an opened snapshot to a state that may go on: restored, walked through, and attached to the log."""

from libs.book.fold import Broken
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import Unusable, load
from libs.snapshots.envelope import Opened, Reason, Refused


def restored(opened: Opened) -> PartitionState:
    """Its state, with every invariant checked. Raises Refused."""
    head = opened.head
    try:
        state = load(opened.data)
    except Unusable as error:
        raise Refused(Reason.UNUSABLE, str(error)) from error
    try:
        check(state)
    except Broken as error:
        raise Refused(Reason.BROKEN, str(error)) from error
    if (state.partition, state.seq) != (head.partition, head.seq):
        raise Refused(
            Reason.DAMAGED,
            f"it says partition {head.partition} and seq {head.seq}, "
            f"and holds partition {state.partition} and seq {state.seq}",
        )
    return state
