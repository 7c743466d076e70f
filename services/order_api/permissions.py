"""What each request of order_api needs. A path that is not named here needs the most common scope, not none."""

from libs.access.scopes import Scope

_PRODUCTS = "/products"
_OPERATORS = "/operator/"
_DISCARD = "/discard"


def needed(_method: str, path: str) -> Scope:
    if path == _PRODUCTS or path.startswith(_PRODUCTS + "/"):
        return Scope.OPERATE
    if path.startswith(_OPERATORS):
        return Scope.EDITOR if path.endswith(_DISCARD) else Scope.REPLAYER
    return Scope.TRADE
