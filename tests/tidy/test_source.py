"""The house rules, held by every file of the repository."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tidy.rules import RULES, Module, Rule, no_machine

ROOT = Path(__file__).resolve().parents[2]
CODE = ("libs", "services", "cli", "sim", "deploy", "tests")
TEXT_SUFFIXES = frozenset((".md", ".toml", ".yml", ".yaml", ".lock", ".json", ".html", ".js", ".css", ".sh", ""))
NOT_OURS = frozenset((".git", ".venv", ".outcry", "__pycache__", "node_modules"))


def _modules() -> list[Module]:
    paths = (path for top in CODE for path in (ROOT / top).rglob("*.py"))
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text()) for path in sorted(paths)]


def _texts() -> Iterator[Module]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] != ".ci"
        if hidden or NOT_OURS.intersection(parts) or path.suffix not in TEXT_SUFFIXES or not path.is_file():
            continue
        yield Module(path.relative_to(ROOT).as_posix(), path.read_text())


def test_there_is_code_to_look_at() -> None:
    assert len(_modules()) > 50


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps(rule: Rule) -> None:
    assert not [f"{module.path}: {finding}" for module in _modules() for finding in rule(module)]


def test_no_text_names_a_machine_or_a_registry() -> None:
    assert not [f"{text.path}: {finding}" for text in _texts() for finding in no_machine(text)]


def test_locks_name_no_address_and_hash_everything() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index-url" not in text
        pins = [line for line in text.splitlines() if "==" in line]
        assert pins
        assert all(line.rstrip().endswith("\\") for line in pins), f"{lock.name}: a pin without a hash"
