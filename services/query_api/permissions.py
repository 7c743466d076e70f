"""What each request of query_api needs: market data is public, dead letters are the operators', all else is somebody's."""

from libs.access.scopes import Scope

_PUBLIC = (
    "/time", "/status", "/limits", "/positions", "/products", "/currencies", "/openapi.json", "/docs", "/asyncapi.json", "/ws",
)  # fmt: skip
_PUBLIC_BELOW = ("/products/", "/currencies/", "/openapi/", "/docs/")


_OPERATORS = "/operator/"


def needed(_method: str, path: str) -> Scope | None:
    if path.startswith(_OPERATORS):
        return Scope.VIEWER
    return None if path in _PUBLIC or path.startswith(_PUBLIC_BELOW) else Scope.VIEW
