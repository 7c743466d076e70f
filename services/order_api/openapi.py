"""The OpenAPI description of the write side, from the same Structs that decode the requests.

Order requests never reach Litestar's routing, so the description is made from one table of all operations.
"""

from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from libs.service.problems import CONTENT_TYPE, Document
from services.order_api.requests import (
    Amend,
    Batch,
    CancelAllAfter,
    ListProductRequest,
    Place,
    StatusRequest,
    UpdateProductRequest,
)


class _Operation(NamedTuple):
    method: str
    path: str
    name: str
    summary: str
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()
    many: bool = False


class Accepted(msgspec.Struct):
    """Acknowledged by the log; what the book says of it is on the read side."""

    command_id: str
    product_id: str
    id: str = ""
    order_id: str = ""
    client_oid: str = ""


class Results(msgspec.Struct):
    """A result an item, in order: `{"status":202,…,"position"}` or a problem with its status. Not atomic."""

    results: list[dict[str, Any]]


_OPERATIONS: Final = (
    _Operation("post", "/orders", "place", "Place an order", Place),
    _Operation("delete", "/orders", "cancel_all", "Cancel all orders", query=("product_id", "side")),
    _Operation("post", "/orders/batch", "batch", "Place, amend and cancel up to 500 orders", Batch, many=True),
    _Operation("patch", "/orders/{name}", "amend", "Change an open order", Amend, ("product_id",)),
    _Operation("delete", "/orders/{name}", "cancel", "Cancel an order", query=("product_id",)),
    _Operation("post", "/cancel-all-after", "cancel_all_after", "Cancel all orders after a time", CancelAllAfter),
    _Operation("post", "/products", "list_product", "List a product (operators)", ListProductRequest),
    _Operation("patch", "/products/{name}", "update_product", "Change a product (operators)", UpdateProductRequest),
    _Operation("delete", "/products/{name}", "delist_product", "Delist a product (operators)"),
    _Operation("post", "/products/{name}/status", "set_status", "Set the trading status (operators)", StatusRequest),
)
_HEADERS: Final = ("Outcry-Account", "Outcry-Role", "Idempotency-Key", "X-Request-Id")
_SIGNED_BY: Final = {
    name: {"type": "apiKey", "in": "header", "name": f"CB-ACCESS-{name.upper()}", "description": words}
    for name, words in (
        ("key", "Of `./outcry keys create`; the four are sent together."),
        ("sign", "Base64 of HMAC-SHA256 over timestamp, method, path with query, and body."),
        ("timestamp", "Seconds since the epoch."),
        ("passphrase", "The key's."),
    )
}
_SIGNED: Final[dict[str, list[str]]] = {name: [] for name in _SIGNED_BY}
_SECURITY: Final = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
_NAMES: Final = {
    "/orders": "An order id, or `client:` and a client_oid (then `product_id` is needed).",
    "/products": "A product id.",
}


@cache
def description() -> bytes:
    bodies = [operation.body for operation in _OPERATIONS if operation.body is not None]
    types: list[type[msgspec.Struct]] = [*bodies, Accepted, Results, Document]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    named = dict(zip((kind.__name__ for kind in types), schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for operation in _OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation, named)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Outcry order_api", "version": "1", "description": (__doc__ or "").strip()},
        "paths": paths,
        "security": [*({name: []} for name in _SECURITY), _SIGNED],
        "components": {"schemas": components, "securitySchemes": _SECURITY | _SIGNED_BY},
    }
    return msgspec.json.encode(document)


def _described(operation: _Operation, named: dict[str, dict[str, Any]]) -> dict[str, object]:
    success = named["Results" if operation.many else "Accepted"]
    found: dict[str, object] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": {
            "200" if operation.many else "202": _content("application/json", success, "Acknowledged"),
            "default": _content(CONTENT_TYPE, named["Document"], "A problem"),
        },
    }
    if operation.body is not None:
        schema = {"schema": named[operation.body.__name__]}
        found["requestBody"] = {"required": True, "content": {"application/json": schema}}
    return found


def _parameters(operation: _Operation) -> list[dict[str, object]]:
    text = {"type": "string"}
    found: list[dict[str, object]] = [{"name": name, "in": "header", "schema": text} for name in _HEADERS]
    found += [{"name": name, "in": "query", "schema": text} for name in operation.query]
    if "{name}" in operation.path:
        words = next(words for prefix, words in _NAMES.items() if operation.path.startswith(prefix))
        found.append({"name": "name", "in": "path", "required": True, "schema": text, "description": words})
    return found


def _content(media_type: str, schema: dict[str, Any], words: str) -> dict[str, object]:
    return {"description": words, "content": {media_type: {"schema": schema}}}
