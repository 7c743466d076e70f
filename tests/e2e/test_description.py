"""schemathesis sends the exchange what its description allows, and what it does not, and holds every answer to it.

What fits the description is about a market that is there, so that answers have something in them. Examples are few, and
the same in each run. `schemathesis run URL/openapi.json` sends as many as one likes.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeAlias

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    status_code_conformance,
    unsupported_method,
)

from services.query_api.description import FILE
from tests.e2e.stack import Stack
from tests.e2e.venue import Venue

EXAMPLES: Final = 8
DOCUMENT: Final = msgspec.json.decode(FILE.read_bytes())
ENDS_IT: Final = "delist_product"
Case: TypeAlias = schemathesis.Case[Any]


def no_fault(_context: schemathesis.CheckContext, response: schemathesis.Response, _case: Case) -> None:
    """A 503 says that a position is not reached, or that something is away; anything else above 500 is a fault."""
    assert response.status_code < 500 or response.status_code == 503, response.text


def as_described(_context: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """schemathesis has this check too, but rewrites `prefixItems` into what no schema of OpenAPI 3.1 may have."""
    found = _schema(case.path, case.method.lower(), str(response.status_code))
    if found is not None:
        found.validate(response.json())


@cache
def _schema(path: str, method: str, status: str) -> jsonschema_rs.Validator | None:
    """None of what is no JSON."""
    responses = DOCUMENT["paths"][path][method]["responses"]
    (content,) = responses.get(status, responses["default"])["content"].items()
    media_type, described = content
    if not media_type.endswith("json") or media_type.endswith("x-ndjson"):
        return None
    return jsonschema_rs.validator_for(described["schema"] | {"components": DOCUMENT["components"]})


CHECKS: Final = [
    no_fault,
    as_described,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
]
"""What fits the description may still be refused: no schema knows a product's tick, or that GTD needs a time."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
described = schemathesis.openapi.from_path(FILE)
described.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator["Market"]:
    venue = Venue(stack.url)
    yield Market(venue)
    venue.close()


class Market:
    """A product with a trade and an order that stands."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        venue.trade_at("100")
        self._order = venue.place("ann", "sell", "1", "110")
        venue.order("ann", self._order)

    def enter(self, case: Case) -> None:
        """Whatever it asks of is something that there is; what was past is not waited for."""
        self._put(case.path_parameters, {"product_id": self._venue.product_id})
        if case.path.startswith("/orders/"):
            self._put(case.path_parameters, {"name": self._order})
        self._put(case.query, {"product_id": self._venue.product_id, "account": "ann"})
        self._put(case.headers, {"Outcry-Position": self._venue.position, "Outcry-Account": "ann"})
        if isinstance(case.body, dict):
            self._put(case.body, {"product_id": self._venue.product_id})

    def _put(self, given: Any, known: dict[str, str]) -> None:
        for name in known.keys() & (given or {}).keys():
            given[name] = known[name]


@described.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_exchange_answers_as_it_is_described(case: Case, stack: Stack, market: Market) -> None:
    assert case.meta is not None
    if case.meta.generation.mode is GenerationMode.POSITIVE and case.operation.definition.raw["operationId"] != ENDS_IT:
        market.enter(case)
    case.call_and_validate(base_url=stack.url, checks=CHECKS)
