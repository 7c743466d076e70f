"""Where a log and the rules part: the first event that is not what its command leads to, field by field."""

from typing import NamedTuple

from libs.events.events import AnyEvent
from libs.events.tail import Plain, describe
from libs.events.values import Product

NOTHING = "nothing"
"""Stands where one side has no event."""


class Field(NamedTuple):
    """What one place of an event holds; None where that side has no such field."""

    name: str
    decided: Plain
    published: Plain


class Place(NamedTuple):
    """`command` is the offset in `orders`, `event` the offset in `order-events` (-1 behind its end)."""

    partition: int
    command: int
    event: int
    seq: int


class Different(Exception):
    """The audit of a partition ends here: its state is that of one of the two sides from now on."""

    def __init__(self, place: Place, what: str, fields: tuple[Field, ...] = ()) -> None:
        super().__init__(what)
        self.place = place
        self.what = what
        self.fields = fields

    def lines(self) -> list[str]:
        """For a person."""
        partition, command, event, seq = self.place
        where = f"order-events/{partition} offset {event}" if event >= 0 else f"the end of order-events/{partition}"
        found = [f"{where}, seq {seq}, of the command orders/{partition} offset {command}: {self.what}"]
        width = max((len(field.name) for field in self.fields), default=0)
        for name, decided, published in self.fields:
            found.append(f"  {name.ljust(width)}  decided {_text(decided)}  /  published {_text(published)}")
        return found

    def plain(self) -> dict[str, object]:
        """For a program."""
        return {**self.place._asdict(), "what": self.what, "fields": [field._asdict() for field in self.fields]}


def compare(decided: AnyEvent | None, published: AnyEvent | None, product: Product | None) -> tuple[Field, ...]:
    """The fields that differ, in their order; of two kinds of events, the kinds and all that either has."""
    left, right = _described(decided, product), _described(published, product)
    names = list(dict.fromkeys((*left, *right)))
    return tuple(Field(name, left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name))


def _described(event: AnyEvent | None, product: Product | None) -> dict[str, Plain]:
    if event is None:
        return {"event": NOTHING}
    return {"event": type(event).__name__, **describe(event, product)}


def _text(value: Plain) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}={_text(each)}" for name, each in value.items()) + "}"
    return str(value) or '""'
