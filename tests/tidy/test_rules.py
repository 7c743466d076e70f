"""Each rule finds what it is for, and lets pass what it is not for."""

import pytest

from tests.tidy.rules import (
    MAX_FILE_LINES,
    Module,
    Rule,
    has_docstring,
    is_short,
    name_says_what_it_is,
    no_banned_calls,
    no_banned_imports,
    no_floats_in_the_core,
    no_machine,
    no_print,
    no_sleep_in_tests,
)

LONG_FUNCTION = "def long() -> None:\n" + "    pass\n" * 90


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (name_says_what_it_is, "libs/utils.py", ""),
        (name_says_what_it_is, "services/common/orders.py", ""),
        (has_docstring, "libs/a.py", "import os\n"),
        (is_short, "libs/a.py", "x = 1\n" * (MAX_FILE_LINES + 1)),
        (is_short, "libs/a.py", LONG_FUNCTION),
        (is_short, "libs/a.py", "x = '" + "y" * 200 + "'\n"),
        (no_banned_calls, "services/a.py", "import time\ntime.time()\n"),
        (no_banned_calls, "libs/matching/a.py", "float('1')\n"),
        (no_banned_imports, "libs/a.py", "import pickle\n"),
        (no_banned_imports, "tests/a.py", "from unittest import mock\n"),
        (no_banned_imports, "tests/a.py", "from unittest.mock import Mock\n"),
        (no_print, "services/a.py", "print('x')\n"),
        (no_floats_in_the_core, "libs/book/a.py", "x = 0.5\n"),
        (no_floats_in_the_core, "libs/book/a.py", "x = 1 / 2\n"),
        (no_sleep_in_tests, "tests/a.py", "import time\ntime.sleep(1)\n"),
        (no_sleep_in_tests, "tests/a.py", "for _ in range(3):\n    asyncio.sleep(1)\n"),
        (no_machine, "deploy/a.py", "path = '/ho" + "me/ann/outcry'\n"),
        (no_machine, "deploy/a.py", "url = 'https://py" + "pi.org/simple'\n"),
    ],
)
def test_a_rule_finds(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(path, text)))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (name_says_what_it_is, "libs/book/ladder.py", ""),
        (has_docstring, "libs/__init__.py", ""),
        (no_banned_calls, "libs/service/clock.py", "import time\ntime.time()\n"),
        (no_banned_calls, "sim/a.py", "import time\ntime.time()\n"),
        (no_print, "services/a.py", "print('x', file=sys.stderr)\n"),
        (no_print, "cli/a.py", "print('x')\n"),
        (no_floats_in_the_core, "libs/book/a.py", "x = 1 // 2\n"),
        (no_floats_in_the_core, "sim/a.py", "x = 0.5\n"),
        (no_sleep_in_tests, "tests/a.py", "while not done():\n    time.sleep(0.01)\n"),
        (no_sleep_in_tests, "tests/a.py", "asyncio.sleep(0)\n"),
    ],
)
def test_a_rule_lets_pass(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(Module(path, text)))
