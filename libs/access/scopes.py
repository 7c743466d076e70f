"""What a credential allows: read the account's own data, trade, or operate the exchange."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias


class Scope(StrEnum):
    VIEW = "view"
    """Read what belongs to the account."""
    TRADE = "trade"
    """Place, amend and cancel orders of the account. Includes `view`."""
    OPERATE = "operate"
    """List, change and halt products; see and act for any account. Includes `view`, and not `trade`."""


Scopes: TypeAlias = frozenset[Scope]
_NAMES = {scope.value: scope for scope in Scope}


def scopes_of(names: Iterable[str]) -> Scopes:
    """The scopes among these names, with what they include. Other names mean nothing here."""
    found = {_NAMES[name] for name in names if name in _NAMES}
    return frozenset(found | {Scope.VIEW}) if found else frozenset()
