"""What a credential allows: read the account's own data, trade, operate the exchange, or see to its dead letters."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, TypeAlias


class Scope(StrEnum):
    VIEW = "view"
    """Read what belongs to the account."""
    TRADE = "trade"
    """Place, amend and cancel orders of the account. Includes `view`."""
    OPERATE = "operate"
    """List, change and halt products; see and act for any account. Includes `view` and `viewer`, and not `trade`."""
    VIEWER = "viewer"
    """See dead letters, try them without a trace, see who did what to them."""
    REPLAYER = "replayer"
    """Plan and run replays of dead letters as they are. Includes `viewer`."""
    EDITOR = "editor"
    """Change dead letters before they are replayed, and discard them. Includes `replayer`."""


ROLES: Final = frozenset((Scope.VIEWER, Scope.REPLAYER, Scope.EDITOR))
"""At the dead letters. Whoever replays sends commands in the name of any account, so `operate` alone does not do."""

Scopes: TypeAlias = frozenset[Scope]
_NAMES = {scope.value: scope for scope in Scope}
_INCLUDED: Final = {
    Scope.OPERATE: {Scope.VIEWER},
    Scope.REPLAYER: {Scope.VIEWER},
    Scope.EDITOR: {Scope.REPLAYER, Scope.VIEWER},
}


def scopes_of(names: Iterable[str]) -> Scopes:
    """The scopes among these names, with what they include. Other names mean nothing here."""
    found = {_NAMES[name] for name in names if name in _NAMES}
    if not found:
        return frozenset()
    return frozenset(found.union({Scope.VIEW}, *(_INCLUDED.get(scope, ()) for scope in found)))
