"""What a person is told when a service dies: why it ended, not what a library said after it."""

from pathlib import Path

import pytest

from deploy.local.child import last_line

BEGINS = '{"event":"settings","level":"info"}'
FAILED = '{"event":"failed","error":"Fenced","detail":"a newer writer","level":"error"}'
ENDED = '{"event":"ended","code":1,"level":"info"}'
NOISE = "Unclosed AIOKafkaConsumer"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([BEGINS, FAILED, ENDED, NOISE], "failed: Fenced: a newer writer"),
        ([BEGINS, FAILED, ENDED, BEGINS, ENDED], "ended"),
        ([BEGINS, '{"event":"projecting"}', "", "  "], "projecting"),
        (["Killed by nobody"], "Killed by nobody"),
        (["3", "[1, 2]"], "[1, 2]"),
        ([], ""),
    ],
)
def test_last_words(lines: list[str], said: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(lines))
    assert last_line(log) == said


def test_a_service_that_logged_nothing(tmp_path: Path) -> None:
    assert last_line(tmp_path / "none") == ""
    assert last_line(None) == ""
