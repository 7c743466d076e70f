"""Which dead letters are meant: names and filters from a request, to rows of the read side. Raises Problem, names the field."""

from collections.abc import Sequence

from libs.events.values import REPLAY_LIMIT, DeadLetterName, FailureCause
from libs.read_model.connect import Pool
from libs.read_model.dead_letters import (
    DeadLetterPage,
    DeadLetterRow,
    dead_letter,
    dead_letters_named,
    dead_letters_page,
)
from libs.read_model.lending import lent
from libs.replays.records import Selection
from libs.replays.resending import name_text, parse_name
from libs.service import problems
from libs.service.problems import Problem
from libs.service.times import NotATime, parse
from services.order_api.dead_letters.asked import Filter, PlanRequest

_CAUSES = {cause.name.lower(): cause for cause in FailureCause}


def letter_name(text: str, field: str) -> DeadLetterName:
    try:
        return parse_name(text)
    except ValueError as error:
        raise Problem(problems.INVALID_ID, str(error), field) from None


def selection(request: PlanRequest) -> Selection:
    """By names or by a filter, never by nothing: all of everything is asked for with `{"filter":{}}`."""
    if (request.filter is None) == (not request.ids):
        raise Problem(problems.MISSING_FIELD, "exactly one of `ids` and `filter` says what is replayed", "ids")
    if request.filter is None:
        return Selection(names=tuple(letter_name(text, "ids") for text in request.ids))
    given = request.filter
    if given.reason and given.reason not in _CAUSES:
        raise Problem(problems.INVALID_VALUE, f"{given.reason!r} is none of {', '.join(_CAUSES)}", "filter.reason")
    since, until = _time(given, "since"), _time(given, "until")
    return Selection(given.product_id, given.account, given.reason, since, until)


def _time(given: Filter, field: str) -> int:
    text = getattr(given, field)
    try:
        return parse(text) if text else 0
    except NotATime as error:
        raise Problem(problems.INVALID_VALUE, str(error), f"filter.{field}") from None


class OpenLetters:
    """What Postgres knows of dead letters. It may be behind: whether one is open, the engine has the last word on."""

    def __init__(self, pool: Pool, timeout_s: float) -> None:
        self._pool = pool
        self._timeout_s = timeout_s

    async def chosen(self, wanted: Selection, most: int) -> list[DeadLetterRow]:
        """In the order of their deaths, so that what depended on one another is replayed as it came."""
        async with lent(self._pool, self._timeout_s) as connection:
            if wanted.names:
                rows = await dead_letters_named(connection, wanted.names[: most + 1])
                _all_there(rows, wanted.names)
            else:
                rows = await dead_letters_page(connection, _page(wanted, most + 1))
        if len(rows) > most:
            raise Problem(problems.TOO_MANY_LETTERS, f"more than {most} dead letters: plan them by time or by product")
        return sorted(rows, key=lambda row: (row.died_at, row.partition, row.command_offset))

    async def one(self, name: DeadLetterName) -> DeadLetterRow:
        """Raises Problem where there is none, or it is closed."""
        async with lent(self._pool, self._timeout_s) as connection:
            row = await dead_letter(connection, name)
        if row is None:
            raise Problem(problems.DEAD_LETTER_NOT_FOUND, f"{name_text(name)} is not known (yet)", "id")
        return _open(row)


def _page(wanted: Selection, limit: int) -> DeadLetterPage:
    return DeadLetterPage(
        limit,
        True,
        wanted.product_id or None,
        wanted.account or None,
        _CAUSES[wanted.reason] if wanted.reason else None,
        wanted.since or None,
        wanted.until or None,
    )


def _all_there(rows: Sequence[DeadLetterRow], names: Sequence[DeadLetterName]) -> None:
    missing = set(names) - {row.name for row in rows}
    if missing:
        shown = ", ".join(sorted(map(name_text, missing))[:10])
        raise Problem(problems.DEAD_LETTER_NOT_FOUND, f"not known (yet): {shown}", "ids")
    for row in rows:
        replayable(_open(row))


def _open(row: DeadLetterRow) -> DeadLetterRow:
    if row.closed is not None:
        raise Problem(problems.DEAD_LETTER_CLOSED, f"{name_text(row.name)} is closed", "id")
    return row


def replayable(row: DeadLetterRow) -> DeadLetterRow:
    if row.replays >= REPLAY_LIMIT:
        raise Problem(
            problems.TOO_MANY_REPLAYS, f"{name_text(row.name)} has {row.replays} replays behind it: discard it", "id"
        )
    return row
