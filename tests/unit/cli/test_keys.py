"""`outcry keys` on the in-memory log: what is shown, what is not, and what is said when it cannot be done."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from cli import keys
from cli.__main__ import parser
from cli.problem import CannotDo
from libs.access.keys import API_KEY, API_PASSPHRASE, API_SECRET, decode_key, opened
from libs.access.sealing import SECRETS_FILE, Sealer, new_key
from libs.events.topics import API_KEYS, OPERATOR_AUDIT
from libs.kafka.memory import Broker, MemoryLog

SEALING = new_key()
ENVIRONMENT = {"OUTCRY_SECRETS_KEY": SEALING}


def empty_log() -> MemoryLog:
    broker = Broker()
    for topic in (API_KEYS, OPERATOR_AUDIT):
        broker.create_topic(topic, 1)
    return MemoryLog(broker)


def said(log: MemoryLog, *words: str, environment: Mapping[str, str] = ENVIRONMENT) -> list[str]:
    """What `outcry keys …` writes."""
    found: list[str] = []

    async def run() -> None:
        await keys.run(parser().parse_args(["keys", *words]), log, environment, found.append)

    asyncio.run(run())
    return found


def created(log: MemoryLog, *words: str) -> dict[str, str]:
    lines = said(log, "create", "--account", "ann", "--scope", "trade", *words)
    return {name: value.strip("'") for name, value in (line.removeprefix("export ").split("=", 1) for line in lines)}


def test_a_key_is_shown_once_as_a_shell_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    log = empty_log()
    shown = created(log)
    assert set(shown) == {API_KEY, API_SECRET, API_PASSPHRASE}
    assert "ann" in capsys.readouterr().err
    listed = said(log, "list")
    assert len(listed) == 1
    assert listed[0].startswith(f"{shown[API_KEY]}  ann  trade  active")
    for secret in (shown[API_SECRET], shown[API_PASSPHRASE]):
        assert secret not in "".join(listed) + "".join(said(log, "list", "--json"))


def test_what_was_shown_is_what_the_services_open() -> None:
    log = empty_log()
    shown = created(log)

    async def stored() -> bytes:
        reader = log.reader(API_KEYS)
        reader.assign({0: 0})
        (record,) = (await reader.poll(10, 0.1))[0]
        return record.value or b""

    key = opened(decode_key(asyncio.run(stored())), Sealer.parse(SEALING))
    assert base64.b64encode(key.secret).decode() == shown[API_SECRET]
    assert key.passphrase.decode() == shown[API_PASSPHRASE]


def test_a_key_is_revoked_and_stays_in_the_list() -> None:
    log = empty_log()
    key_id = created(log, "--label", "bot")[API_KEY]
    assert said(log, "revoke", key_id) == [f"revoked {key_id} of ann: no process takes it from now on"]
    (line,) = said(log, "list", "--account", "ann")
    assert "revoked" in line
    assert line.endswith("bot")
    assert said(log, "list", "--account", "bob") == []


def test_json_for_machines() -> None:
    log = empty_log()
    (line,) = said(
        log, "create", "--account", "ann", "--scope", "view", "--scope", "trade", "--expires", "90d", "--json"
    )
    made = msgspec.json.decode(line)
    assert made["scopes"] == ["trade", "view"]
    (listed,) = [msgspec.json.decode(each) for each in said(log, "list", "--json")]
    assert listed["expires"] - listed["created"] == 90 * 86_400 * 10**9
    assert "sealed" not in listed


@pytest.mark.parametrize(
    ("words", "environment", "sentence"),
    [
        (("create", "--account", "a b", "--scope", "trade"), ENVIRONMENT, "'a b' is no account"),
        (("create", "--account", "ann", "--scope", "trade", "--label", "x" * 81), ENVIRONMENT, "80 printable"),
        (("create", "--account", "ann", "--scope", "trade"), {"OUTCRY_SECRETS_KEY": "c2hvcnQ="}, "OUTCRY_SECRETS_KEY"),
        (("create", "--account", "ann", "--scope", "trade"), {"OUTCRY_DATA_DIR": "nowhere"}, SECRETS_FILE),
        (("revoke", "0000"), {}, "no key '0000'"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], environment: dict[str, str], sentence: str) -> None:
    log = empty_log()
    with pytest.raises(CannotDo, match=sentence):
        said(log, *words, environment=environment)
    assert said(log, "list") == []


def test_the_sealing_key_of_a_local_run_is_found(tmp_path: Path) -> None:
    (tmp_path / SECRETS_FILE).write_text(SEALING + "\n")
    sealed = Sealer.parse(SEALING).seal(b"secret", b"")
    assert keys.sealer({"OUTCRY_DATA_DIR": str(tmp_path)}).open(sealed, b"") == b"secret"


def test_a_request_signed_for_curl() -> None:
    secret = base64.b64encode(b"secret").decode()
    environment = {API_KEY: "k", API_SECRET: secret, API_PASSPHRASE: "p"}
    lines: list[str] = []
    keys.sign(parser().parse_args(["keys", "sign", "post", "/orders", '{"a":1}']), environment, lines.append)
    found = dict(line.removeprefix('header = "').removesuffix('"').split(": ") for line in lines)
    message = f'{found["CB-ACCESS-TIMESTAMP"]}POST/orders{{"a":1}}'.encode()
    wanted = base64.b64encode(hmac.new(b"secret", message, hashlib.sha256).digest()).decode()
    assert (found["CB-ACCESS-KEY"], found["CB-ACCESS-SIGN"], found["CB-ACCESS-PASSPHRASE"]) == ("k", wanted, "p")


@pytest.mark.parametrize("environment", [{}, {API_KEY: "k", API_SECRET: "?", API_PASSPHRASE: "p"}])
def test_signing_without_a_key_is_said(environment: dict[str, str]) -> None:
    with pytest.raises(CannotDo, match=API_SECRET):
        keys.sign(parser().parse_args(["keys", "sign", "GET", "/orders"]), environment, print)
