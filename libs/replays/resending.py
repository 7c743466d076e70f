"""A dead letter as a new command: what it asks for, under a new id, with the name of the dead letter it comes from. Pure.

The id depends on the replay and the letter alone. So when a letter is sent again because nobody knows whether it was sent,
it is the same command, and acts once.
"""

import hashlib
from typing import Final

import msgspec

from libs.events import ids
from libs.events.commands import AnyCommand, PlaceOrder
from libs.events.values import DeadLetterName

_NS_A_MS: Final = 1_000_000


def name_text(name: DeadLetterName) -> str:
    """`3:17`, as it stands in paths and headers."""
    return f"{name.partition}:{name.offset}"


def parse_name(text: str) -> DeadLetterName:
    """Raises ValueError."""
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
        raise ValueError(f"{text[:64]!r} is no dead letter: they are named <partition>:<offset>, as 3:17")
    found = DeadLetterName(int(partition), int(offset))
    if found.partition >= ids.PARTITION_LIMIT or found.offset >= 1 << 63:
        raise ValueError(f"{text[:64]!r} names a place that no log has")
    return found


def resent(command: AnyCommand, name: DeadLetterName, replay: str, confirmed: int, now: int) -> AnyCommand:
    """`confirmed` is when the replay was; `now` is what order_api's time is when it is sent. Both in ns."""
    bits = hashlib.blake2b(f"{replay} {name_text(name)}".encode(), digest_size=8).digest()
    identity = ids.mint(confirmed // _NS_A_MS, int.from_bytes(bits, "big"), command.number)
    return msgspec.structs.replace(
        command,
        command_id=identity,
        order_id=identity if isinstance(command, PlaceOrder) else command.order_id,
        key=ids.replay_key(name.partition, name.offset),
        sent=now,
        attempt=0,
        replay_of=name,
    )
