"""Where the events of two engines differ, for the person who must find out which of them is wrong."""

from collections.abc import Sequence

from libs.events.events import AnyEvent
from tests.oracle.words import said


def first_difference(found: Sequence[AnyEvent], expected: Sequence[AnyEvent]) -> str:
    at = next(
        (at for at, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other),
        min(len(found), len(expected)),
    )
    fields = ""
    if at < min(len(found), len(expected)) and type(found[at]) is type(expected[at]):
        names = found[at].__struct_fields__
        unlike = [name for name in names if getattr(found[at], name) != getattr(expected[at], name)]
        fields = f", in {', '.join(unlike)}"
    return f"event {at} differs{fields}\nengine:\n{listed(found)}\noracle:\n{listed(expected)}"


def listed(events: Sequence[AnyEvent]) -> str:
    return "\n".join(f"  {at}: {said(event)}" for at, event in enumerate(events))
