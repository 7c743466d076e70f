"""Who asks: established once a request, by the gate, and read from the request's scope by whoever needs it.

With credentials it is what they prove. Without, where the settings allow that, the headers are believed; the process
then listens on this machine alone.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Final, NamedTuple

from libs.access.scopes import ROLES, Scope, Scopes, scopes_of
from libs.service.problems import FOREIGN_ACCOUNT, INVALID_ACCOUNT, INVALID_ROLE, OPERATOR_ONLY, ROLE_NEEDED, Problem

ACCOUNT_HEADER: Final = "Outcry-Account"
ROLE_HEADER: Final = "Outcry-Role"
DEFAULT_ACCOUNT: Final = "demo"
OPERATOR: Final = "operator"
_ACCOUNT: Final = ACCOUNT_HEADER.lower().encode()
_ROLE: Final = ROLE_HEADER.lower().encode()
_ACCOUNT_FORM: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_IN_SCOPE: Final = "outcry.caller"
_CREDENTIAL: Final = "outcry.credential"


class Caller(NamedTuple):
    """An account, whether it acts as an operator, and its roles at the dead letters."""

    account: str
    operator: bool
    roles: Scopes = frozenset()
    acting: str = ""
    """Whose credentials these are, where an operator acts for another account."""

    @property
    def actor(self) -> str:
        """Who is answerable, for the audit."""
        return self.acting or self.account


class Credential(NamedTuple):
    """What proved it."""

    name: str
    """To count by: the key or, without one, the account."""
    key: str = ""
    """The id of the API key, if it was one."""


NOBODY: Final = Caller("", operator=False)
"""Who asks for what is public. No order is this account's."""
_ANYBODY: Final = Caller(DEFAULT_ACCOUNT, operator=False)


def is_account(text: str) -> bool:
    return _ACCOUNT_FORM.fullmatch(text) is not None


def establish(scope: MutableMapping[str, object], who: Caller, credential: Credential) -> None:
    """The gate's: from here on this is who sent the request."""
    scope[_IN_SCOPE] = who
    scope[_CREDENTIAL] = credential


def caller_in(scope: Mapping[str, object]) -> Caller:
    """Who sent the request. A request that passed no gate has no caller, and fails."""
    found = scope[_IN_SCOPE]
    assert isinstance(found, Caller), "the gate's"
    return found


def credential_in(scope: Mapping[str, object]) -> Credential:
    """For who outlives the request: a socket ends when its key does."""
    found = scope[_CREDENTIAL]
    assert isinstance(found, Credential), "the gate's"
    return found


def believed(headers: dict[bytes, bytes]) -> Caller:
    """Who the headers say it is. Raises Problem when one is malformed."""
    account, role = headers.get(_ACCOUNT), headers.get(_ROLE)
    if account is None and role is None:
        return _ANYBODY
    roles = _named_role(role)
    return Caller(_account(account) if account is not None else DEFAULT_ACCOUNT, Scope.OPERATE in roles, roles & ROLES)


def proven(account: str, scopes: Scopes, headers: dict[bytes, bytes]) -> Caller:
    """Who credentials prove it is. An operator may name the account to act for; others only their own."""
    operator = Scope.OPERATE in scopes
    named, role = headers.get(_ACCOUNT), headers.get(_ROLE)
    if role is not None and not (claimed := _named_role(role)) <= scopes:
        missing = ", ".join(sorted(claimed - scopes))
        kind = OPERATOR_ONLY if Scope.OPERATE in claimed else ROLE_NEEDED
        raise Problem(kind, f"these credentials do not have the scope {missing}", ROLE_HEADER)
    if named is None:
        return Caller(account, operator, scopes & ROLES)
    wanted = _account(named)
    if wanted != account and not operator:
        raise Problem(FOREIGN_ACCOUNT, f"the credentials are of {account!r}", ACCOUNT_HEADER)
    return Caller(wanted, operator, scopes & ROLES, account if wanted != account else "")


def _account(value: bytes) -> str:
    text = value.decode("ascii", "replace")
    if not is_account(text):
        raise Problem(INVALID_ACCOUNT, f"{text[:80]!r} is no account name", ACCOUNT_HEADER)
    return text


def _named_role(value: bytes | None) -> Scopes:
    """What a role includes: `operator` is the scope operate, the others have one of their name."""
    if value is None:
        return frozenset()
    text = value.decode("ascii", "replace").strip().lower()
    if text == OPERATOR:
        return scopes_of((Scope.OPERATE,))
    if text not in ROLES:
        raise Problem(INVALID_ROLE, f"{text[:80]!r} is no role", ROLE_HEADER)
    return scopes_of((text,))


def require_operator(who: Caller) -> None:
    if not who.operator:
        raise Problem(OPERATOR_ONLY)


def require_role(who: Caller, role: Scope) -> None:
    """Raises Problem where the caller has not this role at the dead letters."""
    if role not in who.roles:
        raise Problem(ROLE_NEEDED, f"this needs the role {role}")
