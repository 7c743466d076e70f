"""What operators did, for ever: records of the topic `operator-audit`, written before the deed."""

from typing import Final

import msgspec


class Deed(msgspec.Struct, frozen=True, array_like=True, tag=1, kw_only=True):
    """Who did what to which thing, when (ns, UTC). Never a secret. Fields are only ever appended, with defaults."""

    at: int
    actor: str
    action: str
    """Such as `keys.create`."""
    subject: str
    details: dict[str, str] = {}


encode_deed: Final = msgspec.msgpack.Encoder().encode
decode_deed: Final = msgspec.msgpack.Decoder(Deed).decode
