"""Market data is public; whatever is somebody's, and whatever nobody thought of, is not."""

import pytest

from libs.access.scopes import Scope
from services.query_api.permissions import needed


@pytest.mark.parametrize(
    "path",
    [
        "/time",
        "/positions",
        "/products",
        "/products/BTC-USD/book",
        "/products/BTC-USD/trades",
        "/openapi.json",
        "/docs",
        "/docs/start.js",
    ],
)
def test_public(path: str) -> None:
    assert needed("GET", path) is None


@pytest.mark.parametrize("path", ["/orders", "/orders/1", "/orders/1/events", "/fills", "/accounts", "/", "", "/timex"])
def test_somebodys(path: str) -> None:
    assert needed("GET", path) is Scope.VIEW


@pytest.mark.parametrize("path", ["/operator/dead-letters", "/operator/audit", "/operator/dead-letters/3:17/dry-run"])
def test_operators(path: str) -> None:
    assert needed("POST", path) is Scope.VIEWER
