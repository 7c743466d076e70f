"""The description of the sockets is what the code sends and receives."""

import msgspec

from docs.reference.sockets import PAGE, page
from services.query_api.feed.description import asyncapi


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_bytes() == page()


def test_every_reference_of_the_description_leads_somewhere() -> None:
    for text in (page(), asyncapi()):
        document = msgspec.json.decode(text)
        assert document["asyncapi"].startswith("3.")
        wanted = set(_references(document))
        assert len(wanted) > 20
        for reference in wanted:
            at = document
            for part in reference.removeprefix("#/").split("/"):
                at = at[part]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
