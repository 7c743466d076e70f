"""`outcry dlq list|show|dry-run|plan|replay|discard|tasks|audit`: the words that are understood."""

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from cli.dlq import tables
from cli.dlq.asking import Exchange
from cli.parser import Parser
from cli.problem import CannotDo

Out = Callable[[str], object]
LETTERS: Final = "/operator/dead-letters"
REPLAYS: Final = "/operator/replays"
AUDIT: Final = "/operator/audit"
_FILTERS: Final = ("product", "account", "reason", "since", "until")
EPILOG: Final = (
    "Asks the exchange at OUTCRY_URL, signed with OUTCRY_API_KEY, …_SECRET, …_PASSPHRASE where they are set "
    "(docs/operating/dead-letters.md)."
)


def add_to(commands: "argparse._SubParsersAction[Parser]") -> None:
    dlq = commands.add_parser("dlq", help="dead letters: see, try, replay, discard", epilog=EPILOG)
    actions = dlq.add_subparsers(
        dest="action", required=True, metavar="list|show|dry-run|plan|replay|discard|tasks|audit"
    )
    listed = _action(actions, "list", "open dead letters, newest first")
    _add_filters(listed)
    listed.add_argument("--state", choices=("open", "closed", "all"), default="open", help="(open)")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="of a page (50)")
    listed.add_argument("--after", metavar="CURSOR", help="the page after this one")
    shown = _action(actions, "show", "one: its command, its error, what stands around it")
    shown.add_argument("id", metavar="ID", help="such as 3:17")
    tried = _action(actions, "dry-run", "the events that a replay would cause; changes nothing")
    tried.add_argument("id", metavar="ID")
    tried.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="with this change; may be repeated"
    )
    planned = _action(actions, "plan", "what would be replayed: by ids, or by a filter; sends nothing")
    planned.add_argument("ids", nargs="*", metavar="ID")
    _add_filters(planned)
    planned.add_argument("--all", action="store_true", help="every open one, where neither ids nor filters are given")
    planned.add_argument(
        "--edit", action="append", default=[], metavar="ID/FIELD=VALUE", help="changed so; needs --why"
    )
    planned.add_argument("--rate", type=int, metavar="N", help="letters a second (10)")
    planned.add_argument("--why", default="", metavar="TEXT", help="for the audit")
    replayed = _action(actions, "replay", "run a plan that was seen: its hash says which")
    replayed.add_argument("id", metavar="PLAN")
    replayed.add_argument("--hash", required=True, metavar="HASH")
    discarded = _action(actions, "discard", "close one without a replay")
    discarded.add_argument("id", metavar="ID")
    discarded.add_argument("--why", required=True, metavar="TEXT", help="for the audit and the log")
    tasks = _action(actions, "tasks", "plans and replays; one, to see or steer it")
    tasks.add_argument("id", nargs="?", metavar="PLAN")
    steered = tasks.add_mutually_exclusive_group()
    for word in ("pause", "resume", "cancel"):
        steered.add_argument(f"--{word}", dest="steer", action="store_const", const=word)
    deeds = _action(actions, "audit", "who did what, newest first")
    deeds.add_argument("--limit", type=int, default=50, metavar="N", help="(50)")


def _action(actions: "argparse._SubParsersAction[Parser]", name: str, words: str) -> Parser:
    found = actions.add_parser(name, help=words, epilog=EPILOG)
    found.add_argument("--json", action="store_true", help="what the exchange answered, as JSON")
    return found


def _add_filters(to: Parser) -> None:
    for name, words in (
        ("product", "of this product, such as BTC-USD"),
        ("account", "of this account"),
        ("reason", "version, fault, crash, unreadable"),
        ("since", "died then or later, such as 2026-07-01T12:00:00Z"),
        ("until", "died before"),
    ):
        to.add_argument(f"--{name}", metavar=name.upper(), help=words)


async def run(asked: argparse.Namespace, environment: Mapping[str, str], out: Out) -> int:
    """Raises CannotDo."""
    async with Exchange(environment) as exchange:
        answered, shown = await _ACTIONS[asked.action](exchange, asked)
    if asked.json:
        out(msgspec.json.encode(answered).decode())
    else:
        for each in shown(answered):
            out(each)
    return 0


_Answered = tuple[Any, Callable[[Any], Sequence[str]]]


async def _list(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    query = {"product_id": asked.product} | {name: getattr(asked, name) for name in _FILTERS[1:]}
    paging = {"state": asked.state, "limit": asked.limit, "after": asked.after}
    answer = await exchange.get(LETTERS, query | paging)
    found, cursor = answer.json(), answer.headers.get("cb-after", "")

    def shown(rows: Any) -> Sequence[str]:
        more = [f"There may be more: --after {cursor}"] if len(rows) == asked.limit else []
        return tables.letters(rows) + more

    return found, shown


async def _show(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    return (await exchange.get(f"{LETTERS}/{asked.id}")).json(), tables.letter


async def _dry_run(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    changes = dict(_assigned(text) for text in asked.set)
    return (await exchange.post(f"{LETTERS}/{asked.id}/dry-run", "viewer", {"changes": changes})).json(), tables.trial


async def _plan(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    names = {"product": "product_id"}
    filters = {names.get(name, name): getattr(asked, name) for name in _FILTERS if getattr(asked, name)}
    if not (asked.ids or filters or asked.all) or (asked.ids and (filters or asked.all)):
        raise CannotDo("Say what: ids, or a filter such as --product BTC-USD, or --all.")
    body: dict[str, object] = {"ids": asked.ids} if asked.ids else {"filter": filters}
    edits: dict[str, dict[str, object]] = {}
    for text in asked.edit:
        letter, slash, assignment = text.partition("/")
        if not slash:
            raise CannotDo(f"{text!r} is no change: write it as 3:17/price=101.00")
        field, value = _assigned(assignment)
        edits.setdefault(letter, {})[field] = value
    if edits:
        body["edits"] = [{"id": letter, "changes": changes} for letter, changes in edits.items()]
    body |= {"reason": asked.why} | ({} if asked.rate is None else {"rate": asked.rate})
    answer = await exchange.post(REPLAYS, "editor" if edits else "replayer", body)
    return answer.json(), tables.plan


async def _replay(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    answer = await exchange.post(f"{REPLAYS}/{asked.id}/confirm", "replayer", {"hash": asked.hash})
    return answer.json(), _started


def _started(found: Any) -> Sequence[str]:
    return [
        f"Replay {found['id']} is {found['state']}: {found['count']} dead letters, {found['rate']} a second. It goes on without you.",
        f"  ./outcry dlq tasks {found['id']}             how far it is",
        f"  ./outcry dlq tasks {found['id']} --pause     (--resume, --cancel)",
    ]


async def _discard(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    answer = await exchange.post(f"{LETTERS}/{asked.id}/discard", "editor", {"reason": asked.why})
    position = answer.headers["outcry-position"]
    return answer.json(), lambda _: [f"{asked.id} is being discarded, by command {position}."]


async def _tasks(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    if asked.id is None:
        if asked.steer:
            raise CannotDo(f"Say which: ./outcry dlq tasks PLAN --{asked.steer}")
        return (await exchange.get(REPLAYS)).json(), tables.tasks
    if asked.steer:
        return (await exchange.post(f"{REPLAYS}/{asked.id}/{asked.steer}", "replayer")).json(), tables.task
    return (await exchange.get(f"{REPLAYS}/{asked.id}")).json(), tables.task


async def _audit(exchange: Exchange, asked: argparse.Namespace) -> _Answered:
    return (await exchange.get(AUDIT, {"limit": asked.limit})).json(), tables.deeds


def _assigned(text: str) -> tuple[str, object]:
    field, equals, value = text.partition("=")
    if not (field and equals):
        raise CannotDo(f"{text!r} is no change: write it as price=101.00")
    return field, {"true": True, "false": False, "null": None}.get(value, value)


_ACTIONS: Final[Mapping[str, Callable[[Exchange, argparse.Namespace], Awaitable[_Answered]]]] = {
    "list": _list,
    "show": _show,
    "dry-run": _dry_run,
    "plan": _plan,
    "replay": _replay,
    "discard": _discard,
    "tasks": _tasks,
    "audit": _audit,
}
