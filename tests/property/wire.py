"""Any message that its Struct's fields could hold: whole numbers of the wire's 64 bits, any text, ids of any length."""

from collections.abc import Sequence
from typing import get_args

from hypothesis import strategies as st
from msgspec import inspect

from libs.events.commands import AnyCommand
from libs.events.values import MAX_INTEGER

INTEGERS = st.one_of(
    st.integers(-2, 120),
    st.sampled_from((MAX_INTEGER, MAX_INTEGER + 1, 2**63 - 1, -(2**63), 2**64 - 1)),
    st.integers(-(2**63), 2**64 - 1),
)
TEXTS = st.text(max_size=130)
BYTES = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=40))


def any_command(known: dict[str, Sequence[object]]) -> st.SearchStrategy[AnyCommand]:
    """Of all kinds; fields with a name in `known` mostly hold one of those values."""
    return st.one_of([_any(kind, known) for kind in get_args(AnyCommand)])


def _any(kind: type[AnyCommand], known: dict[str, Sequence[object]]) -> st.SearchStrategy[AnyCommand]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    fields = {field.name: _values(field.type) for field in info.fields}
    for name in fields.keys() & known.keys():
        fields[name] = st.one_of(st.sampled_from(known[name]), st.sampled_from(known[name]), fields[name])
    return st.builds(kind, **fields)


def _values(kind: inspect.Type) -> st.SearchStrategy[object]:
    match kind:
        case inspect.IntType():
            return INTEGERS
        case inspect.BoolType():
            return st.booleans()
        case inspect.StrType():
            return TEXTS
        case inspect.BytesType():
            return BYTES
        case inspect.EnumType():
            return st.sampled_from(tuple(kind.cls))
        case inspect.NoneType():
            return st.none()
        case inspect.UnionType():
            return st.one_of([_values(each) for each in kind.types])
        case inspect.StructType():
            return st.builds(kind.cls, **{field.name: _values(field.type) for field in kind.fields})
    raise AssertionError(f"no values for {kind}")
