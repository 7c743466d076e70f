"""schemathesis sends the exchange what its description allows, and what it does not, and holds every answer to it.

Examples are few, and the same in each run. `schemathesis run URL/openapi.json` sends as many as one likes.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.e2e.stack import Stack

EXAMPLES = 8


def no_fault(_context: schemathesis.CheckContext, response: schemathesis.Response, _case: schemathesis.Case) -> None:
    """A 503 says that a position is not reached, or that something is away; anything else above 500 is a fault."""
    assert response.status_code < 500 or response.status_code == 503, response.text


CHECKS = [
    no_fault,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
"""What fits the description may still be refused: no schema knows a product's tick, or that GTD needs a time."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def described(stack: Stack) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{stack.url}/openapi.json")


described_api = schemathesis.pytest.from_fixture("described")


@described_api.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_exchange_answers_as_it_is_described(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=CHECKS)
