"""The description of both APIs names everything that is served, and its page needs nothing from elsewhere."""

import re
from typing import cast

import msgspec

from services.query_api.dead_letters.answers import DeadLetterAnswers
from services.query_api.description import FILE, pages
from services.query_api.endpoints import Endpoints
from services.query_api.listener import Listener
from services.query_api.openapi import OPERATIONS
from services.query_api.sources import Sources

_DOCUMENT = msgspec.json.decode(FILE.read_bytes())


def test_every_path_that_is_served_is_described() -> None:
    described = {operation.path for operation in OPERATIONS}
    endpoints = Endpoints(cast("Sources", None), cast("Listener", None), object.__new__(DeadLetterAnswers))
    served = {path.replace(":str", "") for path in (*endpoints.routes(), *endpoints.posts())}
    assert described - {"/products/{product_id}/trades.ndjson"} == served - {"/asyncapi.json"}
    assert described <= _DOCUMENT["paths"].keys()


def test_commands_are_described_beside_reads() -> None:
    assert _DOCUMENT["openapi"] == "3.1.0"
    assert sorted(_DOCUMENT["paths"]["/orders"]) == ["delete", "get", "post"]
    schemas, schemes = _DOCUMENT["components"]["schemas"], _DOCUMENT["components"]["securitySchemes"]
    assert schemas["Place"]["properties"]["price"]
    operations = [each for methods in _DOCUMENT["paths"].values() for each in methods.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(name in schemes for each in operations for way in each["security"] for name in way)


def test_the_page_asks_this_server_alone() -> None:
    served = pages()
    text = served["/docs"].content.decode()
    asked = [*re.findall(r'(?:src|href)="(/[^"]*)"', text), "/openapi.json"]
    assert set(asked) == served.keys() - {"/docs"}
    assert "http" not in text
    assert all(page.content for page in served.values())
