"""Dead letters, replays and deeds as people read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.lines import fields, line
from cli.snapshot.texts import columns

Json = Mapping[str, Any]
_LETTERS: Final = ("id", "died", "reason", "command", "product", "account", "failures", "replays", "state")
_TASKS: Final = ("id", "state", "done", "of", "failed", "a second", "created", "by", "reason")
_DEEDS: Final = ("at", "who", "did", "to", "details")
_HASH: Final = 16


def letters(found: Sequence[Json]) -> list[str]:
    rows = [
        (
            each["id"], _short(each["died_at"]), each["reason"], each.get("command") or "-", each.get("product_id") or "-",
            each.get("account") or "-", str(each["failures"]), str(each["replays"]), each.get("closed") or each["state"],
        )
        for each in found
    ]  # fmt: skip
    return columns([_LETTERS, *rows], left=frozenset(range(6))) if rows else ["No dead letters that fit."]


def letter(found: Json) -> list[str]:
    names = (
        "id", "state", "reason", "error", "command", "product_id", "account", "order_id", "client_oid", "failures",
        "first_failed_at", "died_at", "replays", "replay_of", "closed", "closed_at", "note", "key",
    )  # fmt: skip
    lines = [f"{name:16} {found[name]}" for name in names if found.get(name) not in (None, "")]
    lines += ["", "headers"] + [f"  {name:30} {text}" for name, text in found["headers"].items()]
    decoded = found["decoded"]
    lines += ["", "command", f"  {fields(decoded)}" if decoded else f"  unreadable: {found['raw'][:120]}"]
    lines += ["", "commands around"] + [f"{_mark(each, found)}{_command(each)}" for each in found["commands_around"]]
    lines += ["", "events around"] + [f"  {line(dict(each))}" for each in found["events_around"]]
    return lines


def trial(found: Json) -> list[str]:
    if "events" in found:
        return [f"A replay of {found['id']} now would cause:"] + [f"  {line(dict(each))}" for each in found["events"]]
    if "fault" in found:
        return [f"A replay of {found['id']} now would die again: {found['fault']}"]
    if "unfit" in found:
        return [f"{found['unfit']['field']} cannot be changed so: {found['unfit']['why']}"]
    return [f"{found['id']} cannot be read by this version: {found['unreadable']}"]


def plan(found: Json) -> list[str]:
    lines = [f"Plan {found['id']}: {found['count']} dead letters, {found['rate']} a second."]
    lines += [f"  {each}" for each in found["letters"][:20]]
    if found["count"] > 20:
        lines.append(f"  … and {found['count'] - 20} more")
    for each in found["edits"]:
        lines += [
            f"  changed {each['id']}",
            f"    before {fields(each['before'])}",
            f"    after  {fields(each['after'])}",
        ]
    lines += [f"  left out {each['id']}: {each['why']}" for each in found.get("left_out", ())]
    return [
        *lines,
        "",
        "Nothing is sent yet. To replay just this:",
        f"  ./outcry dlq replay {found['id']} --hash {found['hash']}",
    ]


def tasks(found: Sequence[Json]) -> list[str]:
    rows = [
        (
            each["id"], each["state"], str(each["done"]), str(each["count"]), str(each["failed"]), str(each["rate"]),
            _short(each["created_at"]), each["actor"], each["reason"] or "-",
        )
        for each in found
    ]  # fmt: skip
    return columns([_TASKS, *rows], left=frozenset((0, 1, 6, 7, 8))) if rows else ["No replays."]


def task(found: Json) -> list[str]:
    lines = [f"{name:14} {value}" for name, value in found.items() if name not in {"letters", "edits", "failures"}]
    return lines + [f"could not be sent: {each['id']}: {each['why']}" for each in found["failures"]]


def deeds(found: Sequence[Json]) -> list[str]:
    rows = [
        (_short(each["at"]), each["actor"], each["action"], each["subject"], _details(each["details"]))
        for each in found
    ]
    return columns([_DEEDS, *rows], left=frozenset(range(5))) if rows else ["Nobody did anything yet."]


def _details(given: Json) -> str:
    return " ".join(
        f"{name}={str(value)[:_HASH] if name == 'hash' else value}" for name, value in given.items() if value
    )


def _mark(each: Json, found: Json) -> str:
    return "> " if each["id"] == found["id"] else "  "


def _command(each: Json) -> str:
    said = each["command"]
    return f"{each['id']:>10} {_short(each['time'])} {fields(said) if said else 'unreadable'}"


def _short(time: str) -> str:
    """`2026-01-31 12:00:00.123`"""
    return time[:23].replace("T", " ")
