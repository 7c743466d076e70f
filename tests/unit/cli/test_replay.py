"""`outcry replay --core` as it is typed: what it prints, and what it says of files and arguments that do not do."""

from pathlib import Path

import pytest

from cli.__main__ import main
from tests.unit.sim.lobster_day import NAME, Day


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / NAME
    made.write_text(Day(seed=9, count=300).text())
    return made


def printed(capsys: pytest.CaptureFixture[str], *given: str) -> list[str]:
    assert main(["replay", "--core", *given]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_report_is_the_same_every_time_but_for_its_rate(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = printed(capsys, str(file)), printed(capsys, str(file))
    assert "takers inferred from executions" in first[0]
    assert " commands in " in first[1]
    assert first[2:] == second[2:]
    assert [line.split()[0] for line in first[-2:]] == ["events", "state"]
    assert printed(capsys, str(file), "--limit", "100")[-1] != first[-1]


def test_the_product_may_be_another(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trades = [printed(capsys, str(file), *more)[2] for more in ((), ("--product", "TEST-USD"))]
    assert trades[0] == trades[1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["absent.csv"], "There is no file absent.csv"),
        (["--speed", "10"], "leave out --speed and --products"),
        (["--products", "2"], "leave out --speed and --products"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--core", *given]) == 1
    problem = capsys.readouterr().err
    assert said in problem
    assert problem.count("\n") == 1


def test_a_bad_line_ends_it_with_its_number(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with file.open("a") as more:
        more.write("soon,1,1,1,1,1\n")
    assert main(["replay", "--core", str(file)]) == 1
    assert "'soon' is no time in seconds after midnight" in capsys.readouterr().err


def test_a_product_that_cannot_be_listed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--core", str(file), "--product", "x" * 200]) == 1
    assert "cannot be listed" in capsys.readouterr().err


def test_a_limit_is_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replay", "--core", "--limit", "0"])
    assert "not a number of rows" in capsys.readouterr().err
