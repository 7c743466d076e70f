"""`outcry keys create | list | revoke | sign`: who may ask the exchange for what."""

import argparse
import base64
import getpass
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from cli.addresses import ROOT
from cli.parser import Parser
from cli.problem import CannotDo
from libs.access.desk import KeyDesk, NoSuchKey
from libs.access.keys import API_KEY, API_PASSPHRASE, API_SECRET, StoredKey, as_environment
from libs.access.scopes import Scope
from libs.access.sealing import SECRETS_FILE, NotAKey, Sealer
from libs.access.signatures import signature
from libs.kafka.ports import Log
from libs.service.clock import SystemClock

_LIFE: Final = re.compile(r"(\d{1,6})(m|h|d)")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}

Out = Callable[[str], None]


def add_to(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The arguments of `keys`."""
    keys = commands.add_parser("keys", help="API keys: create, list, revoke; sign a request with one")
    actions = keys.add_subparsers(dest="action", required=True, metavar="create|list|revoke|sign")
    create = actions.add_parser("create", help="make a key; its secret is shown this once")
    create.add_argument("--account", required=True, metavar="NAME", help="whose orders the key sees and touches")
    create.add_argument(
        "--scope", action="append", required=True, choices=[scope.value for scope in Scope], help="may be repeated"
    )
    create.add_argument(
        "--expires", type=_life, default=0, metavar="TIME", help="such as 30m, 12h, 90d; never unless given"
    )
    create.add_argument("--label", default="", metavar="TEXT", help="what it is for")
    create.add_argument("--json", action="store_true", help="one JSON object")
    shown = actions.add_parser("list", help="every key ever made, without secrets")
    shown.add_argument("--account", metavar="NAME", help="only of this account")
    shown.add_argument("--json", action="store_true", help="a JSON object a line")
    revoke = actions.add_parser("revoke", help="end a key, everywhere, within a second")
    revoke.add_argument("id", metavar="KEY")
    sign = actions.add_parser("sign", help=f"headers for `curl -K -`, signed with {API_KEY}, …_SECRET, …_PASSPHRASE")
    sign.add_argument("method", metavar="METHOD")
    sign.add_argument("path", metavar="PATH", help="with its query, as it is sent")
    sign.add_argument("body", metavar="BODY", nargs="?", default="")


async def run(asked: argparse.Namespace, log: Log, environment: Mapping[str, str], out: Out) -> None:
    """One of create, list, revoke. Raises CannotDo, and what the log raises."""
    desk = KeyDesk(log, SystemClock(), f"cli:{getpass.getuser()}")
    if asked.action == "create":
        await _create(asked, desk, environment, out)
    elif asked.action == "list":
        for record in await desk.list():
            if asked.account in (None, record.account):
                out(_json(record) if asked.json else _line(record, time.time_ns()))
    else:
        try:
            record = await desk.revoke(asked.id)
        except NoSuchKey as error:
            raise CannotDo(f"{error}: `outcry keys list` shows them.") from error
        out(f"revoked {record.id} of {record.account}: no process takes it from now on")


async def _create(asked: argparse.Namespace, desk: KeyDesk, environment: Mapping[str, str], out: Out) -> None:
    scopes = [Scope(name) for name in asked.scope]
    try:
        record, shown = await desk.create(
            sealer(environment), asked.account, scopes, lives_ns=asked.expires, label=asked.label
        )
    except ValueError as error:
        raise CannotDo(f"{error}.") from error
    if asked.json:
        out(msgspec.json.encode(shown._asdict() | {"account": record.account, "scopes": record.scopes}).decode())
        return
    for name, value in as_environment(shown).items():
        out(f"export {name}='{value}'")
    sys.stderr.write(
        f"A key of account {record.account}, for {', '.join(record.scopes)}. The secret is not shown again: keep it.\n"
    )


def sign(asked: argparse.Namespace, environment: Mapping[str, str], out: Out) -> None:
    """Headers as `curl -K -` reads them. Raises CannotDo."""
    names = (API_KEY, API_SECRET, API_PASSPHRASE)
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise CannotDo(f"{', '.join(missing)} must be set: `outcry keys create` prints them.")
    key, secret, passphrase = (environment[name] for name in names)
    try:
        opened = base64.b64decode(secret, validate=True)
    except ValueError as error:
        raise CannotDo(f"{API_SECRET} is no base64.") from error
    timestamp = str(int(time.time()))
    made = signature(opened, timestamp.encode(), asked.method.upper(), asked.path.encode(), asked.body.encode())
    for name, value in (("KEY", key), ("SIGN", made.decode()), ("TIMESTAMP", timestamp), ("PASSPHRASE", passphrase)):
        out(f'header = "CB-ACCESS-{name}: {value}"')


def sealer(environment: Mapping[str, str]) -> Sealer:
    """From the environment, else from the data directory of a local run. Raises CannotDo."""
    text = environment.get("OUTCRY_SECRETS_KEY") or _written(
        Path(environment.get("OUTCRY_DATA_DIR") or ROOT / ".outcry")
    )
    try:
        return Sealer.parse(text)
    except NotAKey as error:
        raise CannotDo(
            f"OUTCRY_SECRETS_KEY does not do: {error}. It must be what the services have; a local run keeps its own in "
            f"{SECRETS_FILE} of its data directory."
        ) from error


def _written(directory: Path) -> str:
    try:
        return (directory / SECRETS_FILE).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _life(text: str) -> int:
    """Nanoseconds."""
    form = _LIFE.fullmatch(text)
    if form is None or not int(form[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 30m, 12h or 90d would do")
    return int(form[1]) * _SECONDS[form[2]] * 10**9


def _line(record: StoredKey, now: int) -> str:
    """`3f…  ann  trade,view  active  made 2026-01-31 09:15  market maker`"""
    state = "active"
    if record.revoked:
        state = f"revoked {_clock(record.revoked)}"
    elif record.expires:
        state = f"{'expired' if record.expires <= now else 'until'} {_clock(record.expires)}"
    parts = (record.id, record.account, ",".join(record.scopes), state, f"made {_clock(record.created)}", record.label)
    return "  ".join(parts).rstrip()


def _json(record: StoredKey) -> str:
    said = {name: value for name, value in msgspec.structs.asdict(record).items() if name != "sealed"}
    return msgspec.json.encode(said).decode()


def _clock(nanoseconds: int) -> str:
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%d %H:%M}"
