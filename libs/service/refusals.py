"""What a decoder's refusal means to who sent the JSON: a problem that names the field."""

import re
from typing import Final, TypeVar

import msgspec

from libs.service import problems
from libs.service.problems import Kind, Problem

REFUSALS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What a decoder raises for text that is no JSON, no UTF-8, of the wrong shape, or nested without end."""

_PATH: Final = re.compile(r" - at `(?:key in )?\$\.?(.*)`$", re.DOTALL)
_NAMED: Final = (
    (re.compile(r"Object contains unknown field `(.*)`$", re.DOTALL), problems.UNKNOWN_FIELD),
    (re.compile(r"Object missing required field `(.*)`$"), problems.MISSING_FIELD),
)

_T = TypeVar("_T")


def decoded(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """The body of a request that needs one. Raises Problem."""
    if not body:
        raise Problem(problems.BODY_REQUIRED)
    try:
        return decoder.decode(body)
    except REFUSALS as error:
        raise refusal(error) from None


def refusal(error: Exception) -> Problem:
    """What a decoder's refusal means, with the field it is about."""
    if not isinstance(error, msgspec.ValidationError):
        return Problem(problems.MALFORMED_JSON, "" if isinstance(error, RecursionError) else str(error))
    text = str(error)
    at = _PATH.search(text)
    path, said = (at[1], text[: at.start()]) if at else ("", text)
    for form, kind in _NAMED:
        named = form.match(said)
        if named:
            return Problem(kind, said, f"{path}.{named[1]}" if path else named[1])
    return Problem(_kind(said, path), said, path)


def _kind(said: str, path: str) -> Kind:
    if said.startswith("Expected"):
        return problems.WRONG_TYPE if path else problems.NOT_AN_OBJECT
    return problems.INVALID_VALUE
