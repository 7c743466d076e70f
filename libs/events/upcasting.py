"""Messages of earlier versions, read as today's.

A field that is appended needs nothing here: it has a default. A change of meaning takes a new tag; the old one leaves
today's union, and an upcaster says what its fields are called now. Readers never see the old form. Tags only grow, so a
form that changed twice goes through both upcasters, and what comes out last is checked like any message.

What today's decoder reads never comes by here, so old forms cost nothing where there are none.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

T = TypeVar("T", covariant=True)


class Form(NamedTuple):
    """A message as its tag and its fields, of no class."""

    tag: int
    fields: Sequence[object]


Upcaster = Callable[[Sequence[object]], Form]
"""The fields of an old tag in, the same message under a larger tag out. Older writers may have left fields at the end
away. Raises `IndexError` or `ValueError` for fields that no version wrote."""


class Decode(Protocol[T]):
    """Bytes in, a message out. Raises msgspec.MsgspecError."""

    def __call__(self, data: bytes, /) -> T: ...


EVENTS: Final[Mapping[int, Upcaster]] = {}
"""By the old tags of events. None has changed its meaning yet."""
COMMANDS: Final[Mapping[int, Upcaster]] = {}
"""By the old tags of commands."""

_any: Final = msgspec.msgpack.Decoder(list[object])
_encode: Final = msgspec.msgpack.Encoder().encode


def versioned(today: Decode[T], upcasters: Mapping[int, Upcaster]) -> Decode[T]:
    """A decoder of all versions. Without upcasters it is today's decoder itself."""
    for old in upcasters:
        if old < 0:
            raise ValueError(f"{old} is no tag")
    if not upcasters:
        return today

    def decode(data: bytes, /) -> T:
        try:
            return today(data)
        except msgspec.ValidationError:
            form = _form(data)
            if form is None or form.tag not in upcasters:
                raise
        return today(_encode([*_upcast(form, upcasters)]))

    return decode


def _form(data: bytes) -> Form | None:
    """What the bytes hold, or None when it is no tagged array."""
    found = _any.decode(data)
    if not found or not isinstance(found[0], int):
        return None
    return Form(found[0], found[1:])


def _upcast(form: Form, upcasters: Mapping[int, Upcaster]) -> Sequence[object]:
    """The array of the newest form. Each step leads to a larger tag, so there is a last one."""
    while form.tag in upcasters:
        try:
            newer = upcasters[form.tag](form.fields)
        except (IndexError, ValueError) as error:
            raise msgspec.ValidationError(f"fields of the old tag {form.tag} are not what it had: {error!r}") from error
        if newer.tag <= form.tag:
            raise ValueError(f"the upcaster of tag {form.tag} leads to {newer.tag}: tags only grow")
        form = newer
    return form.tag, *form.fields
