"""Query parameters and names of the operators' paths. Raises Problem, names the parameter."""

import re
from typing import Final

from libs.events.ids import PARTITION_LIMIT
from libs.events.values import DeadLetterName, FailureCause
from libs.read_model.dead_letters import DeadLetterCursor, DeadLetterPage
from libs.replays.resending import parse_name
from libs.replays.tasks import State
from libs.service.problems import INVALID_CURSOR, INVALID_ID, INVALID_PARAMETER, Problem
from services.query_api.parameters import Parameters, one_cursor

PAGE: Final = ("product_id", "account", "reason", "state", "since", "until", "limit", "before", "after")
_CAUSES: Final = {cause.name.lower(): cause for cause in FailureCause}
_OPEN: Final = {"open": True, "closed": False, "all": None}
_CURSOR: Final = re.compile(r"([0-9]{1,19})\.([0-9]{1,3})\.([0-9]{1,19})", re.ASCII)
_LARGEST: Final = 2**63 - 1


def letter_name(text: str) -> DeadLetterName:
    try:
        return parse_name(text)
    except ValueError as error:
        raise Problem(INVALID_ID, str(error), "id") from None


def page(given: Parameters, limit: int) -> DeadLetterPage:
    """Open ones, unless told."""
    before, after = one_cursor(_cursor(given, "before"), _cursor(given, "after"))
    return DeadLetterPage(
        limit,
        _OPEN[_chosen(given, "state", list(_OPEN)) or "open"],
        given.product_id(),
        given.text("account"),
        _CAUSES.get(_chosen(given, "reason", list(_CAUSES)) or ""),
        given.time("since"),
        given.time("until"),
        before,
        after,
    )


def state(given: Parameters) -> State | None:
    text = _chosen(given, "state", list(State))
    return None if text is None else State(text)


def cursor_text(cursor: DeadLetterCursor) -> str:
    return ".".join(map(str, cursor))


def _chosen(given: Parameters, name: str, words: list[str]) -> str | None:
    text = given.text(name)
    if text is not None and text not in words:
        raise Problem(INVALID_PARAMETER, f"{text[:64]!r} is none of {', '.join(words)}", name)
    return text


def _cursor(given: Parameters, name: str) -> DeadLetterCursor | None:
    text = given.text(name)
    if text is None:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise Problem(INVALID_CURSOR, f"{text[:64]!r} is none", name)
    found = DeadLetterCursor(*map(int, match.groups()))
    if found.died_at > _LARGEST or found.partition >= PARTITION_LIMIT or found.command_offset > _LARGEST:
        raise Problem(INVALID_CURSOR, f"{text[:64]!r} is none", name)
    return found
