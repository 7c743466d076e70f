"""Who asks. In the local mode, which listens on 127.0.0.1 alone, a request's headers are believed."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from libs.service.problems import INVALID_ACCOUNT, INVALID_ROLE, OPERATOR_ONLY, Problem

ACCOUNT_HEADER: Final = "Outcry-Account"
ROLE_HEADER: Final = "Outcry-Role"
DEFAULT_ACCOUNT: Final = "demo"
OPERATOR: Final = "operator"
_ACCOUNT: Final = ACCOUNT_HEADER.lower().encode()
_ROLE: Final = ROLE_HEADER.lower().encode()
_ACCOUNT_FORM: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


class Caller(NamedTuple):
    """An account, and whether it acts as an operator."""

    account: str
    operator: bool


_ANYBODY: Final = Caller(DEFAULT_ACCOUNT, False)


def is_account(text: str) -> bool:
    return _ACCOUNT_FORM.fullmatch(text) is not None


def caller(headers: Iterable[tuple[bytes, bytes]]) -> Caller:
    """From raw headers, names in lower case. Raises Problem when one is malformed."""
    account = role = None
    for name, value in headers:
        if name == _ACCOUNT:
            account = value
        elif name == _ROLE:
            role = value
    return caller_of(account, role)


def caller_of(account: bytes | None, role: bytes | None) -> Caller:
    """From the values of the two headers, None where one was not sent. Raises Problem when one is malformed."""
    if account is None and role is None:
        return _ANYBODY
    return Caller(_account(account), _operator(role))


def _account(value: bytes | None) -> str:
    if value is None:
        return DEFAULT_ACCOUNT
    text = value.decode("ascii", "replace")
    if not is_account(text):
        raise Problem(INVALID_ACCOUNT, f"{text[:80]!r} is no account name", ACCOUNT_HEADER)
    return text


def _operator(value: bytes | None) -> bool:
    if value is None:
        return False
    text = value.decode("ascii", "replace").strip().lower()
    if text != OPERATOR:
        raise Problem(INVALID_ROLE, f"{text[:80]!r} is no role", ROLE_HEADER)
    return True


def require_operator(who: Caller) -> None:
    if not who.operator:
        raise Problem(OPERATOR_ONLY)
