"""What a library says again and again is said once a second, with how often."""

import logging

from libs.service.logging import Seldom


class Heard(logging.Handler):
    """Keeps what comes through, and how much was left out before it."""

    def __init__(self, seldom: Seldom) -> None:
        super().__init__()
        self.lines: list[tuple[str, int]] = []
        self.addFilter(seldom)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.getMessage(), getattr(record, "repeated", 0)))


def test_a_flood_is_a_line_a_second_and_other_messages_pass() -> None:
    now = [0.0]
    heard = Heard(Seldom(lambda: now[0]))
    library = logging.getLogger("tests.unit.service.test_logging")
    library.propagate = False
    library.addHandler(heard)
    for tenth in range(21):
        now[0] = tenth / 10
        library.error("no connection to node %s", tenth % 3)
        if tenth == 5:
            library.error("something else")
    assert heard.lines == [
        ("no connection to node 0", 0),
        ("something else", 0),
        ("no connection to node 1", 9),
        ("no connection to node 2", 9),
    ]
