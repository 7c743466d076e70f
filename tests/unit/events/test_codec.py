"""What is sent again is what was sent, but for its attempt."""

import msgspec

from libs.events.codec import decode_command, decode_envelope, encode, with_attempt
from libs.events.commands import CancelOrder

CANCEL = CancelOrder(bytes(16), "ann", 257, bytes(range(16)), "x", 7, 11, 0, None)


def test_a_command_comes_back_as_it_was_but_for_its_attempt() -> None:
    assert decode_command(with_attempt(encode(CANCEL), 3)) == msgspec.structs.replace(CANCEL, attempt=3)


def test_one_of_a_later_version_too() -> None:
    fields = [900, *msgspec.structs.astuple(CANCEL), {"later": [1, 2]}]
    back = with_attempt(msgspec.msgpack.encode(fields), 200)
    assert decode_envelope(back).attempt == 200
    assert msgspec.msgpack.decode(back) == [*fields[:8], 200, *fields[9:]]
