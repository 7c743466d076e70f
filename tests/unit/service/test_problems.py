"""The catalogue is sound, and its page says what it says."""

from pathlib import Path

import msgspec

from libs.service import problems
from libs.service.errors_page import page
from libs.service.problems import Problem, body, catalogue

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"


def test_codes_are_unique_and_statuses_are_errors() -> None:
    codes = [kind.code for kind in catalogue()]
    assert len(codes) == len(set(codes)) > 40
    assert all(400 <= kind.status < 600 for kind in catalogue())


def test_the_page_is_the_catalogue() -> None:
    assert _PAGE.read_text() == page()


def test_a_body_has_all_members() -> None:
    found = msgspec.json.decode(body(Problem(problems.OFF_TICK, field="price"), "r-1"))
    assert found == {
        "type": "urn:outcry:problem:off_tick",
        "title": "Off tick",
        "status": 400,
        "detail": problems.OFF_TICK.meaning,
        "code": "off_tick",
        "message": "price too precise",
        "field": "price",
        "request_id": "r-1",
        "retryable": False,
    }
