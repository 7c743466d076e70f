"""Bytes to messages and back: msgpack arrays, the tag first. Forms of earlier versions are read as today's.

Decoders and encoders are made once; their methods are safe to share inside one thread.
"""

from typing import Final

import msgspec

from libs.events.commands import AnyCommand, Envelope
from libs.events.events import AnyEvent
from libs.events.upcasting import COMMANDS, EVENTS, versioned
from libs.events.values import Cluster, Product

_encoder: Final = msgspec.msgpack.Encoder()
_commands: Final = msgspec.msgpack.Decoder(AnyCommand)
_events: Final = msgspec.msgpack.Decoder(AnyEvent)
_envelopes: Final = msgspec.msgpack.Decoder(Envelope)
_fields: Final = msgspec.msgpack.Decoder(list[msgspec.Raw])
_ATTEMPT: Final = Envelope.__struct_fields__.index("attempt")
_products: Final = msgspec.msgpack.Decoder(Product)
_clusters: Final = msgspec.msgpack.Decoder(Cluster)

Unreadable: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the decoders raise for bytes that hold no message of any version, for an `except` clause: text that is no UTF-8,
and a field of a later version nested too deep to be passed over, are no errors of msgspec's own."""

encode: Final = _encoder.encode
decode_command: Final = versioned(_commands.decode, COMMANDS)
decode_event: Final = versioned(_events.decode, EVENTS)
decode_product: Final = _products.decode
decode_cluster: Final = _clusters.decode
decode_envelope: Final = _envelopes.decode
"""Of a command of any version."""


def with_attempt(command: bytes, attempt: int) -> bytes:
    """A command of any version as it comes back: all of it as it was, but the attempt."""
    fields = _fields.decode(command)
    fields[_ATTEMPT] = msgspec.Raw(encode(attempt))
    return encode(fields)
