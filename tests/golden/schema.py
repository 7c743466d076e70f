"""The wire contract as it was published, and what may become of it: `python -m tests.golden.schema` records additions.

`schema.json` holds every tag with its fields in order, every struct without a tag, and every number with its word. From
there on only this may change: new tags, fields appended with defaults, words appended. Everything else is a new tag and
an upcaster for the old one (`libs/events/upcasting.py`).
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, TypeAlias, get_args

import msgspec
from msgspec.structs import fields

from libs.events import values
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.events.upcasting import COMMANDS, EVENTS

FILE: Final = Path(__file__).parent / "schema.json"
UPCAST: Final = {"commands": frozenset(COMMANDS), "events": frozenset(EVENTS)}

Upcast: TypeAlias = Mapping[str, frozenset[int]]


class Field(msgspec.Struct, frozen=True):
    """`default` is None of a field that must be there."""

    name: str
    type: str
    default: str | None


class Message(msgspec.Struct, frozen=True):
    name: str
    fields: list[Field]


class Schema(msgspec.Struct, frozen=True):
    """`messages` by topic and tag, `structs` without a tag by name, `words` by enum and word."""

    messages: dict[str, dict[int, Message]]
    structs: dict[str, list[Field]]
    words: dict[str, dict[str, int]]


def present() -> Schema:
    """What the code says now."""
    unions = {"commands": AnyCommand, "events": AnyEvent}
    named = [each for each in vars(values).values() if inspect.isclass(each) and each.__module__ == values.__name__]
    return Schema(
        {
            topic: {_tag(each): Message(each.__name__, _fields(each)) for each in sorted(get_args(union), key=_tag)}
            for topic, union in unions.items()
        },
        {each.__name__: _fields(each) for each in named if issubclass(each, msgspec.Struct)},
        {each.__name__: {word.name: word.value for word in each} for each in named if issubclass(each, IntEnum)},
    )


def recorded() -> Schema:
    return msgspec.json.decode(FILE.read_bytes(), type=Schema)


def breaks(old: Schema, new: Schema, upcast: Upcast = UPCAST) -> Iterator[str]:
    """What readers of old bytes, or of the log's words, would take for something else."""
    for topic, messages in old.messages.items():
        for tag, message in messages.items():
            now = new.messages[topic].get(tag)
            if now is None:
                if tag not in upcast[topic]:
                    yield f"{topic}: {message.name} (tag {tag}) is gone, and no upcaster reads it"
            elif now.name != message.name:
                yield f"{topic}: tag {tag} was {message.name} and now is {now.name}: tags are never used again"
            else:
                yield from _changed(f"{topic}: {message.name}", message.fields, now.fields)
    for name, before in old.structs.items():
        if name in new.structs:
            yield from _changed(name, before, new.structs[name])
        else:
            yield f"{name} is gone"
    for enum, words in old.words.items():
        for word, number in words.items():
            if new.words.get(enum, {}).get(word) != number:
                yield f"{enum}.{word} was {number}: numbers never change their meaning"


def _changed(name: str, old: Sequence[Field], new: Sequence[Field]) -> Iterator[str]:
    for place, field in enumerate(old):
        now = new[place] if place < len(new) else None
        if now is None or (now.name, now.type) != (field.name, field.type):
            found = "nothing" if now is None else f"{now.name}: {now.type}"
            yield f"{name}: place {place} was {field.name}: {field.type} and now is {found}"
        elif now.default != field.default:
            yield f"{name}.{field.name}: the default was {field.default} and now is {now.default}"
    for added in new[len(old) :]:
        if added.default is None:
            yield f"{name}.{added.name} is appended without a default: old bytes could not be read"


def _tag(message: type[msgspec.Struct]) -> int:
    found = message.__struct_config__.tag
    assert isinstance(found, int), f"{message.__name__} has no number"
    return found


def _fields(message: type[msgspec.Struct]) -> list[Field]:
    return [
        Field(each.name, _text(each.type), None if each.required else _word(each.default)) for each in fields(message)
    ]


def _word(default: object) -> str:
    return default.name if isinstance(default, IntEnum) else repr(default)


def _text(hint: object) -> str:
    """As it is written, `int | None`: independent of where the class stands."""
    if isinstance(hint, type):
        return hint.__name__
    return " | ".join(_text(each) for each in get_args(hint)) or str(hint)


def encoded(schema: Schema) -> bytes:
    return msgspec.json.format(msgspec.json.encode(schema), indent=1) + b"\n"


def main() -> int:
    """0 when what is new is recorded, 1 when something that was published would change."""
    now = present()
    broken = list(breaks(recorded(), now)) if FILE.exists() else []
    for each in broken:
        print(each, file=sys.stderr)
    if not broken:
        FILE.write_bytes(encoded(now))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
