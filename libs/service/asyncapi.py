"""The AsyncAPI 3 description of a WebSocket, made of the Structs that are sent and received: it cannot say anything else."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

VERSION = "3.0.0"
Document = dict[str, Any]
Kind = type[msgspec.Struct]


class Described(NamedTuple):
    """A socket: its path, what it is for, and what goes over it."""

    name: str
    path: str
    summary: str
    received: Sequence[Kind]
    """What clients send."""
    sent: Sequence[Kind]


def description(title: str, sockets: Sequence[Described]) -> bytes:
    """One document. Types are named by their Structs; two of one name must be the same."""
    kinds = list(dict.fromkeys(kind for each in sockets for kind in (*each.received, *each.sent)))
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    document: Document = {
        "asyncapi": VERSION,
        "info": {"title": title, "version": "1"},
        "defaultContentType": "application/json",
        "channels": {each.name: _channel(each) for each in sockets},
        "operations": {name: found for each in sockets for name, found in _operations(each).items()},
        "components": {"messages": {kind.__name__: _message(kind) for kind in kinds}, "schemas": schemas},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _channel(each: Described) -> Document:
    messages = {
        kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in (*each.received, *each.sent)
    }
    return {"address": each.path, "summary": each.summary, "messages": messages, "bindings": {"ws": {"method": "GET"}}}


def _operations(each: Described) -> Mapping[str, Document]:
    """As seen by the service."""
    channel = {"$ref": f"#/channels/{each.name}"}

    def messages(kinds: Sequence[Kind]) -> list[dict[str, str]]:
        return [{"$ref": f"#/channels/{each.name}/messages/{kind.__name__}"} for kind in kinds]

    return {
        f"{each.name}.receive": {"action": "receive", "channel": channel, "messages": messages(each.received)},
        f"{each.name}.send": {"action": "send", "channel": channel, "messages": messages(each.sent)},
    }


def _message(kind: Kind) -> Document:
    tag = kind.__struct_config__.tag
    text = " ".join((kind.__doc__ or "").split())
    return {
        "name": str(tag or kind.__name__),
        "summary": text,
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }
