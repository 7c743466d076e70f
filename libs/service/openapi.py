"""OpenAPI 3.1 out of tables of operations: each service has one, made of the Structs that it decodes and encodes.

So what is described is what is taken and given; only what no type says (patterns, limits, words) is written down.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from libs.service.problems import CONTENT_TYPE, Document

Json: TypeAlias = dict[str, object]
_JSON: Final = "application/json"
_REFERENCE: Final = "#/components/schemas/{name}"


class Parameter(NamedTuple):
    name: str
    schema: Json
    words: str = ""
    place: str = "query"


class Operation(NamedTuple):
    method: str
    path: str
    name: str
    summary: str
    tag: str
    answer: object
    """The type of the body of a success."""
    scope: str = ""
    """What credentials need; empty is public."""
    body: object = None
    parameters: Sequence[Parameter] = ()
    status: int = 200
    media_type: str = _JSON
    pages: bool = False
    """Whether the answer is one of several, with cursors."""
    also: tuple[int, object] | None = None
    """Another success: its status, and the type of its body."""


def text(pattern: str = "", **more: object) -> Json:
    found: Json = {"type": "string", **more}
    return found | {"pattern": pattern} if pattern else found


def words(*choices: str) -> Json:
    return {"type": "string", "enum": list(choices)}


def whole(least: int, most: int) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


ACCOUNT: Final = r"^[A-Za-z0-9._:\-]{1,64}$"
_ACCOUNT_HEADER: Final = Parameter(
    "Outcry-Account", text(ACCOUNT), "Whose request it is, where nobody signs.", "header"
)
_ROLE_HEADER: Final = Parameter("Outcry-Role", words("operator"), "As an operator, where nobody signs.", "header")
_REQUEST_ID: Final = Parameter(
    "X-Request-Id", text(), "Given back with an error, where it is 64 characters at most.", "header"
)
_KEY: Final = Parameter(
    "Idempotency-Key", text(r"^[\x21\x23-\x5b\x5d-\x7e]{1,64}$"), "The same request again has the same.", "header"
)
_POSITION: Final = Parameter(
    "Outcry-Position", text(r"^[0-9]{1,2}:[0-9]{1,9}$"), "Wait until this command's outcome can be read.", "header"
)

_SIGNED_BY: Final = {
    name: {"type": "apiKey", "in": "header", "name": f"CB-ACCESS-{name.upper()}", "description": told}
    for name, told in (
        ("key", "Of `./outcry keys create`; the four are sent together."),
        ("sign", "Base64 of HMAC-SHA256 over timestamp, method, path with query, and body."),
        ("timestamp", "Seconds since the epoch."),
        ("passphrase", "The key's."),
    )
}
_TOKEN: Final = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
_NOBODY: Final[Json] = {}


def document(title: str, about: str, operations: Sequence[Operation], schemas: Mapping[str, Json]) -> Json:
    """The whole description. `schemas` is what a type's own schema does not say, by its name."""
    types = [each for operation in operations for each in _types(operation)]
    found, components = msgspec.json.schema_components([*types, Document], ref_template=_REFERENCE)
    named = iter(found)
    paths: dict[str, Json] = {}
    for operation in operations:
        schemas_of = [next(named) for _ in _types(operation)]
        paths.setdefault(operation.path, {})[operation.method] = _described(operation, schemas_of)
    for name, more in schemas.items():
        _refine(components[name], more)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": about},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": _TOKEN | _SIGNED_BY},
    }


def _refine(schema: Json, more: Json) -> None:
    """Add to the schemas of properties what they must be besides their type."""
    properties = schema["properties"]
    assert isinstance(properties, dict)
    for name, added in more.items():
        kept = properties[name]
        choices = kept.get("anyOf")
        target = next((each for each in choices if each.get("type") != "null"), kept) if choices else kept
        assert isinstance(added, dict)
        target.update(added)


def _types(operation: Operation) -> list[object]:
    """Of the answer, of the other one, and of the body of the request: those that there are."""
    other = [operation.also[1]] if operation.also is not None else []
    return [operation.answer, *other, *([operation.body] if operation.body is not None else [])]


def _described(operation: Operation, schemas: Sequence[Json]) -> Json:
    """`schemas` are those of its types."""
    answer = schemas[0]
    success: Json = {"description": operation.summary, "content": {operation.media_type: {"schema": answer}}}
    if operation.pages:
        told = {"description": "A cursor: the first, or the last, item here.", "schema": text()}
        success["headers"] = {"CB-BEFORE": told, "CB-AFTER": told}
    writes = operation.method != "get"
    given = (*operation.parameters, _ACCOUNT_HEADER, _ROLE_HEADER, _KEY if writes else _POSITION, _REQUEST_ID)
    responses: Json = {str(operation.status): success, "default": _problem()}
    found: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [_parameter(each) for each in given],
        "responses": responses,
        # Where authentication is off, nobody signs anything.
        "security": [{"token": []}, {name: [] for name in _SIGNED_BY}, _NOBODY] if operation.scope else [_NOBODY],
    }
    if operation.scope:
        found["description"] = f"Needs the scope `{operation.scope}`."
    if operation.also is not None:
        content = {_JSON: {"schema": schemas[1]}}
        responses[str(operation.also[0])] = {"description": operation.summary, "content": content}
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": schemas[-1]}}}
    return found


def _parameter(given: Parameter) -> Json:
    found: Json = {"name": given.name, "in": given.place, "schema": given.schema}
    if given.place == "path":
        found["required"] = True
    return found | {"description": given.words} if given.words else found


def _problem() -> Json:
    schema = {"$ref": _REFERENCE.format(name=Document.__name__)}
    return {"description": "A problem", "content": {CONTENT_TYPE: {"schema": schema}}}
