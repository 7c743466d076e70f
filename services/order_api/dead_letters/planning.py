"""From what was asked for to a plan: the letters in their order, the changed ones with before and after."""

from collections.abc import Sequence
from typing import NamedTuple

from libs.events.codec import Unreadable, decode_command, encode
from libs.events.values import REPLAY_LIMIT, DeadLetterName
from libs.read_model.dead_letters import DeadLetterRow
from libs.replays.edits import Unfit, edited
from libs.replays.letters import Letters, Misplaced
from libs.replays.records import Letter
from libs.replays.resending import name_text
from libs.service import problems
from libs.service.problems import Problem
from services.order_api.dead_letters.asked import Edit
from services.order_api.dead_letters.selecting import letter_name
from services.order_api.registry import Registry


class Left(NamedTuple):
    """A dead letter that fits and is not planned, and why."""

    name: DeadLetterName
    why: str


def plannable(rows: Sequence[DeadLetterRow]) -> tuple[list[DeadLetterRow], list[Left]]:
    """A filter takes what can be replayed, and says what it left."""
    taken = [row for row in rows if row.replays < REPLAY_LIMIT and row.kind]
    left = [
        Left(row.name, f"{row.replays} replays are behind it" if row.kind else "nobody can read it")
        for row in rows
        if row.replays >= REPLAY_LIMIT or not row.kind
    ]
    return taken, left


class Editor:
    """Changes commands as an operator asks."""

    def __init__(self, letters: Letters, registry: Registry) -> None:
        self._letters = letters
        self._registry = registry

    async def letters(self, rows: Sequence[DeadLetterRow], edits: Sequence[Edit]) -> tuple[Letter, ...]:
        """Raises Problem for an edit that does not fit, or is of a letter that is not in the plan."""
        changes = {letter_name(edit.id, f"edits.{at}.id"): (at, edit) for at, edit in enumerate(edits)}
        unplanned = changes.keys() - {row.name for row in rows}
        if unplanned:
            name = next(iter(unplanned))
            raise Problem(
                problems.INVALID_VALUE, f"{name_text(name)} is not in the plan", f"edits.{changes[name][0]}.id"
            )
        return tuple(
            [
                await self._edited(row, *changes[row.name]) if row.name in changes else Letter(row.name)
                for row in rows
            ]
        )  # fmt: skip

    async def _edited(self, row: DeadLetterRow, at: int, edit: Edit) -> Letter:
        try:
            found = await self._letters.find(row.name)
            command = decode_command(found.value)
            after = edited(command, dict(edit.changes), self._registry.find_number(row.number))
        except Unfit as error:
            raise Problem(problems.INVALID_VALUE, str(error), f"edits.{at}.changes.{error.field}") from None
        except (*Unreadable, Misplaced) as error:
            raise Problem(problems.INVALID_VALUE, f"it cannot be changed: {error}", f"edits.{at}.id") from None
        return Letter(row.name, found.value, encode(after))
