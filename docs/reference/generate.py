"""Writes `events.md` and `events.schema.json` from the Structs of the wire contract, `openapi.json` from those of the APIs.

    python -m docs.reference.generate           # write them
    python -m docs.reference.generate --check   # exit with 1 when a file is not what it would be

Nothing in the files is written by hand: order, types, tags and words come from `libs.events`, and what is said of
a field is the text below it there.
"""

import ast
import inspect
import sys
import textwrap
import types
from enum import IntEnum
from pathlib import Path
from typing import Final, cast, get_args, get_type_hints

import msgspec

from docs.reference.describe import openapi
from libs.events import commands, values
from libs.events import events as facts

HERE: Final = Path(__file__).parent
MARKDOWN: Final = HERE / "events.md"
SCHEMA: Final = HERE / "events.schema.json"
OPENAPI: Final = HERE / "openapi.json"
Message = type[msgspec.Struct]

INTRODUCTION: Final = """\
# Messages

Generated from `libs/events` by `python -m docs.reference.generate`. Do not edit.

`orders` holds commands, `order-events` holds events; both are keyed by product id. A record's value is a msgpack array:
the tag first, then the fields in the order of the tables. Fields are only ever appended, so a reader takes what it
knows and leaves the rest. `bytes` are msgpack bin: 16 bytes of a UUID, or none where no id is meant. Prices are integers
at the product's `price_scale`, sizes at its `size_scale`, funds at the sum of both; times are ns since the epoch, UTC.

Read `order-events` with isolation level `read_committed`. In Python, `libs/events/tail.py` is a reader of a few lines;
from a shell, `./outcry events tail --json`. The same as JSON Schema (of the array decoded to JSON values):
[events.schema.json](events.schema.json).
"""


def messages(union: object) -> list[Message]:
    """The members of a union of Structs, by tag."""
    return sorted(cast("tuple[Message, ...]", get_args(union)), key=tag)


def tag(message: Message) -> int:
    found = message.__struct_config__.tag
    assert isinstance(found, int), f"{message.__name__} has no number"
    return found


def enums() -> list[type[IntEnum]]:
    return [
        each
        for each in vars(values).values()
        if isinstance(each, type) and issubclass(each, IntEnum) and each is not IntEnum
    ]


def markdown() -> str:
    parts = [INTRODUCTION]
    for title, source, union, envelope in (
        ("Commands", commands, commands.AnyCommand, commands.Command),
        ("Events", facts, facts.AnyEvent, facts.Event),
    ):
        parts.append(f"## {title}\n\n{_doc(source)}\n")
        parts.append(f"### Every {title.lower()[:-1]} begins with\n\n{_table(envelope, ())}")
        for message in messages(union):
            parts.append(f"### {message.__name__} ({tag(message)})\n\n{_message(message, envelope)}")
    parts.append("## Values\n")
    for struct in (values.Product, values.OrderTerms, values.DeadLetterName):
        parts.append(f"### {struct.__name__}\n\nAn array without a tag. {_doc(struct)}\n\n{_table(struct, ())}")
    for enum in enums():
        rows = "".join(f"| {member.value} | `{member.name.lower()}` |\n" for member in enum)
        parts.append(f"### {enum.__name__}\n\n{_own_doc(enum)}| number | word |\n|---|---|\n{rows}")
    return "\n".join(parts)


def _message(message: Message, envelope: Message) -> str:
    text = _own_doc(message)
    fields = message.__struct_fields__[len(envelope.__struct_fields__) :]
    return text + (_table(message, envelope.__struct_fields__) if fields else "No further fields.\n")


def _table(message: Message, without: tuple[str, ...]) -> str:
    hints, notes = get_type_hints(message), _notes(message)
    defaults = {field.name: field for field in msgspec.structs.fields(message)}
    first = 1 if message.__struct_config__.tag is not None or message in (commands.Command, facts.Event) else 0
    lines = ["| # | field | type | |\n|---|---|---|---|\n"]
    for place, name in enumerate(message.__struct_fields__, first):
        if name in without:
            continue
        default = "" if defaults[name].required else f" = {_default(defaults[name].default)}"
        lines.append(f"| {place} | `{name}` | {_type(hints[name])}{default} | {notes.get(name, '')} |\n")
    return "".join(lines)


def _type(hint: object) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(_type(each) for each in get_args(hint))
    if hint is types.NoneType:
        return "nil"
    assert isinstance(hint, type), f"{hint!r} is no type of the wire"
    if issubclass(hint, IntEnum | msgspec.Struct):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return hint.__name__


def _default(value: object) -> str:
    return value.name.lower() if isinstance(value, IntEnum) else str(value).lower()


def _notes(message: Message) -> dict[str, str]:
    """The text below each field, from the source: of this class, and of those it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(message.__mro__):
        if issubclass(each, msgspec.Struct) and each is not msgspec.Struct:
            found |= _notes_of(each)
    return found


def _notes_of(message: Message) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(message))).body
    assert isinstance(definition, ast.ClassDef), "the source of a class"
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if not (
            isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr)
        ):
            continue
        if isinstance(below.value, ast.Constant):
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def _doc(thing: object) -> str:
    return " ".join((inspect.getdoc(thing) or "").split())


def _own_doc(thing: type) -> str:
    """A class's own docstring, not one it inherits, as a paragraph; or nothing."""
    text = thing.__dict__.get("__doc__") or ""
    return f"{' '.join(text.split())}\n\n" if text else ""


def schema() -> bytes:
    """One document: `$defs` of everything, and which of them a record of each topic is."""
    (_, _), definitions = msgspec.json.schema_components(
        (commands.AnyCommand, facts.AnyEvent), ref_template="#/$defs/{name}"
    )
    described: list[Message] = [
        *messages(commands.AnyCommand),
        *messages(facts.AnyEvent),
        values.Product,
        values.OrderTerms,
        values.DeadLetterName,
    ]
    for struct in described:
        definitions[struct.__name__]["description"] = _described(struct)
    for enum in enums():
        definitions.get(enum.__name__, {})["x-names"] = {str(each.value): each.name.lower() for each in enum}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Messages of the exchange, decoded from msgpack; bytes are base64 here",
        "$defs": dict(sorted(definitions.items())),
        "anyOf": [{"$ref": f"#/$defs/{each.__name__}"} for each in messages(facts.AnyEvent)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _described(message: Message) -> str:
    """Its docstring and the names of its array's places: JSON Schema has no names for those."""
    names = ", ".join(message.__struct_fields__)
    begin = "tag, " if message.__struct_config__.tag is not None else ""
    return f"{_own_doc(message).strip()} [{begin}{names}]".strip()


def main(given: list[str]) -> int:
    made = {MARKDOWN: markdown().encode(), SCHEMA: schema(), OPENAPI: openapi()}
    if given == ["--check"]:
        stale = [path for path, content in made.items() if not path.exists() or path.read_bytes() != content]
        for path in stale:
            print(f"{path.name} is not up to date: run python -m docs.reference.generate", file=sys.stderr)
        return 1 if stale else 0
    for path, content in made.items():
        path.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
