"""The command line of the simulation, and what it writes while it works."""

import io

import pytest

from sim.__main__ import arguments, main
from sim.live import Live, bar
from sim.runs import Rate
from sim.settings import Addresses


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_defaults() -> None:
    asked = arguments(["demo"])
    assert (asked.products, asked.speed, asked.seed) == (1, "max", 1)
    assert arguments(["replay", "--speed", "10", "--products", "8"]).products == 8


@pytest.mark.parametrize(
    "given", [[], ["repay"], ["replay", "--speed", "2"], ["demo", "--products", "0"], ["traders", "--rate", "no"]]
)
def test_wrong_arguments(given: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        arguments(given)
    assert caught.value.code == 2


def test_the_check_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("OUTCRY_KAFKA", raising=False)
    assert main(["check"]) == 2
    assert "OUTCRY_KAFKA" in capsys.readouterr().err


def test_an_exchange_that_is_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTCRY_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("sim.products.LIST_LIMIT_S", 0.01)
    assert main(["traders"]) == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9 does not answer" in said
    assert said.count("\n") == 1


def test_addresses() -> None:
    assert Addresses.read({}).url == "http://127.0.0.1:8080"
    assert Addresses.read({"OUTCRY_PORT": "9000"}).url == "http://127.0.0.1:9000"
    assert Addresses.read({"OUTCRY_PORT": "9000", "OUTCRY_URL": "http://x"}).url == "http://x"


def test_on_a_terminal_the_line_moves() -> None:
    out = Terminal()
    live = Live(out)
    live.show("one")
    live.show("two")
    live.say("three")
    assert out.getvalue() == "\r\x1b[2Kone\r\x1b[2Ktwo\r\x1b[2Kthree\n"


def test_elsewhere_nothing_moves() -> None:
    out = io.StringIO()
    live = Live(out)
    live.show("one")
    live.say("two")
    live.close()
    assert out.getvalue() == "two\n"


def test_bar() -> None:
    assert bar(0, 10) == "[------------------------]   0%"
    assert bar(5, 10) == "[############------------]  50%"
    assert bar(0, 0) == "[########################] 100%"


def test_rate_of_nothing_is_nothing() -> None:
    assert Rate().of(5) == 0.0
