"""The examples of `docs/reference/matching.md` are true, of the engine and of the oracle."""

import re
from pathlib import Path

import pytest

from tests.unit.matching.script import check

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "matching.md"
EXAMPLES = re.findall(r"^```\n(.*?)^```$", REFERENCE.read_text(), re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split("\n")[-2].split("->")[0].strip())
def test_example(example: str) -> None:
    check(example)
