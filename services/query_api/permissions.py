"""What each request of query_api needs: market data is public, everything else is somebody's."""

from libs.access.scopes import Scope

_PUBLIC = ("/time", "/positions", "/products")
_PUBLIC_BELOW = ("/products/", "/openapi/")


def needed(_method: str, path: str) -> Scope | None:
    return None if path in _PUBLIC or path.startswith(_PUBLIC_BELOW) else Scope.VIEW
