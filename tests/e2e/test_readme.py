"""What the README tells a stranger to type works, as it stands there, against a running exchange.

Blocks are run in their order, each section's as one session, with only the address and the place of the tree changed.
"""

import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.e2e.conftest import running
from tests.e2e.stack import ROOT, Stack

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LIMIT_S: Final = 60.0
ADDRESS: Final = "127.0.0.1:8080"
TELLING: Final = "set -eu\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here, and the README is about it"),
]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One of its own: what others have left in theirs is not what is meant here."""
    with running() as run:
        yield run


class Stranger(NamedTuple):
    """Somebody at a shell, in a directory of his own."""

    stack: Stack
    home: Path

    def types(self, script: str) -> str:
        """What a session says. It ends at the first command that fails."""
        found = self._run(["sh"], TELLING + self._adapted(script))
        assert found.returncode == 0, found.stderr + found.stdout
        return found.stdout

    def saves(self, program: str) -> str:
        """What a Python program says, with the key that was made."""
        (self.home / "program.py").write_text(self._adapted(program))
        return self.types(f". ./ann.env; {sys.executable} program.py")

    def follows(self, command: str) -> str:
        """The first line of a command that goes on for ever."""
        environment = self._environment() | {"PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            ["sh", "-c", f"exec {self._adapted(command)}"], cwd=self.home, env=environment, stdout=subprocess.PIPE
        ) as following:
            assert following.stdout is not None
            try:
                assert select.select([following.stdout], [], [], LIMIT_S)[0], "nothing is said"
                return following.stdout.readline().decode()
            finally:
                following.kill()

    def _run(self, command: list[str], text: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, input=text, cwd=self.home, env=self._environment(), capture_output=True, text=True, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "OUTCRY_DATA_DIR": str(self.stack.data), "no_proxy": "*"}

    def _adapted(self, text: str) -> str:
        text = text.replace(ADDRESS, self.stack.url.removeprefix("http://"))
        return text.replace("./outcry ", f"{ROOT}/outcry ").replace(
            ".venv/bin/python docs", f"{sys.executable} {ROOT}/docs"
        )


def section(title: str) -> dict[str, list[str]]:
    """Its blocks, by language."""
    text = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found: dict[str, list[str]] = {}
    for language, block in BLOCK.findall(text):
        found.setdefault(language, []).append(block)
    return found


def answers(said: str) -> list[object]:
    """Of several requests, one behind the other, on one line."""
    decoder, found = json.JSONDecoder(), []
    while said := said.lstrip():
        value, end = decoder.raw_decode(said)
        found.append(value)
        said = said[end:]
    return found


@pytest.fixture(scope="module")
def stranger(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """He has an exchange with a market on it."""
    found = Stranger(stack, tmp_path_factory.mktemp("stranger"))
    (trade,) = section("Trade with curl")["sh"]
    (found.home / "traded").write_text(found.types(trade))
    return found


def test_a_market_is_listed_and_traded_on_with_curl(stranger: Stranger) -> None:
    said = answers((stranger.home / "traded").read_text())
    problems = [each for each in said if isinstance(each, dict) and "code" in each]
    assert not problems
    _listed, _sold, book, fills, sold, _iceberg, standing = said
    assert isinstance(book, dict)
    assert book["asks"][0][:2] == ["101.00", "0.30000000"]
    assert isinstance(fills, list)
    assert (fills[0]["size"], fills[0]["liquidity"]) == ("0.20000000", "T")
    assert isinstance(sold, dict)
    assert sold["filled_size"] == "0.20000000"
    assert isinstance(standing, list)
    assert [order["type"] for order in standing] == ["market", "limit"]


def test_the_market_is_followed(stranger: Stranger) -> None:
    (command,) = section("Follow the market")["sh"]
    assert re.fullmatch(r"\d+ bid \S+ ask 101\.00\n", stranger.follows(command.strip()))


def test_signed_orders_with_curl_python_ccxt_and_over_a_socket(stranger: Stranger) -> None:
    blocks = section("Sign requests")
    with_curl, examples, revoked = blocks["sh"]
    placed, orders = answers(stranger.types(f"api=http://{ADDRESS}\n{with_curl}"))
    assert isinstance(placed, dict)
    assert placed["status"] == "pending"
    assert isinstance(orders, list)
    by_python, by_socket, canceled = stranger.types(f". ./ann.env\n{examples}").splitlines()
    assert by_python.endswith("open 0.10000000")
    assert (by_socket[:5], canceled[:5]) == ("1 202", "2 202")
    (with_ccxt,) = blocks["python"]
    assert stranger.saves(with_ccxt).strip() == "open"
    stranger.types(f". ./ann.env\n{revoked}")
