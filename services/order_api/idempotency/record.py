"""The form of a record: a state, the time of the claim, the position, all of fixed width, then the command's bytes.

`P` (pending) or `D` (published), 13 digits of milliseconds, 3 of the partition, 20 of the offset. Fixed width, so that
a script in the store can read and renew the time without knowing messages.
"""

from typing import Final

from services.order_api.idempotency.ports import State, Verdict

_NOWHERE: Final = b"0" * 23
HEADER: Final = 37


def pending(milliseconds: int) -> bytes:
    """What stands before the command of a claim made at that time; 0 abandons it at once."""
    return b"P%013d" % milliseconds + _NOWHERE


def published(milliseconds: int, partition: int, offset: int) -> bytes:
    return b"D%013d%03d%020d" % (milliseconds, partition, offset)


def claimed_at(record: bytes) -> int:
    return int(record[1:14])


def verdict(state: State, record: bytes) -> Verdict:
    """What a record that was found means."""
    command = record[HEADER:]
    if state is not State.PUBLISHED:
        return Verdict(state, command)
    return Verdict(state, command, int(record[14:17]), int(record[17:HEADER]))
