"""An event as it must be: its own fields, and what of the header depends on it."""

from typing import Final, NamedTuple

from msgspec.structs import astuple

from libs.events.events import Event
from libs.events.ids import text
from sim.check.difference import Difference

HEADER: Final = len(Event.__struct_fields__)
_ID_BYTES: Final = 16


class Fact(NamedTuple):
    """What must come next in the log."""

    kind: type[Event]
    number: int
    """Of the product; 0 of the whole partition."""
    public: bool
    """Whether the product's sequence counts it."""
    values: tuple[object, ...]
    """The event's own fields, behind the header."""
    own: bool = False
    """The first event that is the command's own: it tells who sent it."""

    def compare(self, event: Event) -> None:
        """Raise Difference for the first field that is not as it must be."""
        if type(event) is not self.kind:
            raise Difference(f"what comes next: expected {self.kind.__name__}, found {type(event).__name__}")
        if astuple(event)[HEADER:] == self.values:
            return
        for name, expected in zip(self.kind.__struct_fields__[HEADER:], self.values, strict=True):
            found = getattr(event, name)
            if found != expected:
                raise Difference(f"{self.kind.__name__}.{name}: expected {_words(expected)}, found {_words(found)}")


def _words(value: object) -> str:
    """An id as clients write it."""
    if isinstance(value, bytes):
        return text(value) if len(value) == _ID_BYTES else value.hex() or "none"
    return str(value)
