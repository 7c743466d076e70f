"""Replays as JSON objects, the same from whoever is asked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

from libs.events.codec import Unreadable, decode_command
from libs.events.tail import describe
from libs.events.values import Product
from libs.replays.records import Control, Failure, Letter, Progress, Selection
from libs.replays.resending import name_text
from libs.replays.tasks import Task
from libs.service.clock import NANOSECONDS

MOST_SHOWN: Final = 1_000
"""Letters of a plan that are named; the others are counted."""
Json: TypeAlias = dict[str, object]
Products: TypeAlias = Callable[[int], Product | None]
"""By number; None of one that is not known."""


def summary(task: Task) -> Json:
    """A line of a list."""
    plan, control, progress = task
    found: Json = {
        "id": plan.id,
        "state": task.state,
        "hash": plan.hash,
        "count": len(plan.letters),
        "edited": sum(1 for letter in plan.letters if letter.after),
        "rate": plan.rate,
        "actor": plan.actor,
        "reason": plan.reason,
        "selection": _selection(plan.selection),
        "created_at": moment(plan.created),
    }
    return found | _wanted(control) | _reached(progress)


def whole(task: Task, products: Products) -> Json:
    """With its letters, and the changed ones as they were and will be."""
    plan = task.plan
    return summary(task) | {
        "letters": [name_text(letter.name) for letter in plan.letters[:MOST_SHOWN]],
        "edits": [_edit(letter, products) for letter in plan.letters if letter.after][:MOST_SHOWN],
        "failures": [{"id": name_text(each.name), "why": each.why} for each in _failures(task.progress)],
    }


def moment(time: int) -> str:
    """Nanoseconds since the epoch as ISO 8601."""
    seconds, rest = divmod(time, NANOSECONDS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def command_view(value: bytes, products: Products) -> Json | None:
    """What a command says, by its fields; None of one that this version cannot read."""
    try:
        command = decode_command(value)
    except Unreadable:
        return None
    return {"command": type(command).__name__, **describe(command, products(command.number))}


def _selection(given: Selection) -> Json:
    view: Json = {"product_id": given.product_id, "account": given.account, "reason": given.reason}
    view |= {name: moment(value) for name, value in (("since", given.since), ("until", given.until)) if value}
    if given.names:
        view["ids"] = [name_text(name) for name in given.names[:MOST_SHOWN]]
    return {name: value for name, value in view.items() if value}


def _wanted(control: Control | None) -> Json:
    if control is None:
        return {}
    confirmed: Json = {"confirmed_at": moment(control.confirmed)} if control.confirmed else {}
    return confirmed | {"changed_by": control.actor, "changed_at": moment(control.at)}


def _reached(progress: Progress | None) -> Json:
    if progress is None:
        return {"done": 0, "sent": 0, "failed": 0}
    return {
        "done": progress.next,
        "sent": progress.sent,
        "failed": progress.failed,
        "progress_at": moment(progress.at),
        "runner": progress.runner,
    }


def _failures(progress: Progress | None) -> tuple[Failure, ...]:
    return () if progress is None else progress.failures


def _edit(letter: Letter, products: Products) -> Json:
    return {
        "id": name_text(letter.name),
        "before": command_view(letter.before, products),
        "after": command_view(letter.after, products),
    }
