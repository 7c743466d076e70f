"""The operators' use cases. What is done is in `operator-audit` before it is done."""

from typing import Final

import msgspec

from libs.access.audit import Deed, write_deed
from libs.access.caller import Caller, require_role
from libs.access.scopes import Scope
from libs.events.commands import DiscardDeadLetter
from libs.events.topics import OPERATOR_TASKS
from libs.kafka.failures import NotPublished
from libs.kafka.ports import Entry, Publisher
from libs.replays.board import PARTITION, Board
from libs.replays.records import Control, Plan, encode_record, key_of
from libs.replays.resending import name_text
from libs.replays.tasks import Action, NotAllowed, Task, WrongHash
from libs.service import problems
from libs.service.failures import Transient
from libs.service.problems import Problem
from libs.service.refusals import decoded
from services.order_api.building import Builder
from services.order_api.dead_letters.asked import (
    confirm_request,
    discard_request,
    plan_request,
)
from services.order_api.dead_letters.limits import ReplayLimits
from services.order_api.dead_letters.planning import Editor, Left, plannable
from services.order_api.dead_letters.selecting import OpenLetters, letter_name, selection
from services.order_api.intake import Intake
from services.order_api.intents import Taken
from services.order_api.minting import Mint

LEAST_REASON: Final = 3
"""Characters."""


class DeadLetterDesk:
    """Every method raises Problem."""

    def __init__(
        self,
        board: Board,
        letters: OpenLetters,
        editor: Editor,
        publisher: Publisher,
        builder: Builder,
        intake: Intake,
        mint: Mint,
        limits: ReplayLimits,
    ) -> None:
        self._board = board
        self._letters = letters
        self._editor = editor
        self._publisher = publisher
        self._builder = builder
        self._intake = intake
        self._mint = mint
        self._limits = limits

    async def plan(self, body: bytes, who: Caller) -> tuple[Task, list[Left]]:
        """Nothing is sent before it is confirmed."""
        require_role(who, Scope.REPLAYER)
        request = decoded(plan_request, body)
        if request.edits:
            require_role(who, Scope.EDITOR)
            _said_why(request.reason)
        rate = self._limits.rate if request.rate is None else request.rate
        if not 1 <= rate <= self._limits.most_rate:
            raise Problem(problems.INVALID_VALUE, f"1 to {self._limits.most_rate} letters a second", "rate")
        wanted = selection(request)
        rows, left = plannable(await self._letters.chosen(wanted, self._limits.letters))
        if not rows:
            raise Problem(problems.NOTHING_TO_REPLAY, left[0].why if left else "")
        now = self._mint.now()
        plan = Plan(
            id=self._mint.id(now, 0).hex(),
            created=now,
            actor=who.actor,
            reason=request.reason,
            selection=wanted,
            rate=rate,
            letters=await self._editor.letters(rows, request.edits),
        )
        details = {"letters": str(len(plan.letters)), "hash": plan.hash, "rate": str(rate), "reason": request.reason}
        details["asked"] = msgspec.json.encode(request).decode()
        await self._written(
            Deed(at=now, actor=who.actor, action="replays.plan", subject=plan.id, details=details), plan
        )
        return Task(plan), left

    async def confirm(self, task_id: str, body: bytes, who: Caller) -> Task:
        require_role(who, Scope.REPLAYER)
        return await self._asked(task_id, Action.CONFIRM, who, decoded(confirm_request, body).hash)

    async def steer(self, task_id: str, action: Action, who: Caller) -> Task:
        """Pause, resume or cancel."""
        require_role(who, Scope.REPLAYER)
        return await self._asked(task_id, action, who)

    async def discard(self, text: str, body: bytes, who: Caller, key: str) -> Taken:
        """A command like any other: whether the dead letter is open, the engine decides."""
        require_role(who, Scope.EDITOR)
        reason = _said_why(decoded(discard_request, body).reason)
        row = await self._letters.one(letter_name(text, "id"))
        intent = self._builder.discard(row.name, row.number, row.product_id or "", reason, who.actor, key)
        command = intent.command
        assert isinstance(command, DiscardDeadLetter)
        details = {"reason": reason, "command_id": command.command_id.hex()}
        await self._written(
            Deed(
                at=self._mint.now(),
                actor=who.actor,
                action="dead-letters.discard",
                subject=name_text(row.name),
                details=details,
            )
        )
        (result,) = await self._intake.take((intent,))
        if isinstance(result, Problem):
            raise result
        return result

    async def _asked(self, task_id: str, action: Action, who: Caller, shown_hash: str = "") -> Task:
        task = (await self._board.current()).get(task_id)
        if task is None:
            raise Problem(problems.REPLAY_NOT_FOUND, field="id")
        now = self._mint.now()
        try:
            control = task.asked(action, who.actor, now, shown_hash)
        except WrongHash as error:
            raise Problem(problems.WRONG_HASH, str(error), "hash") from None
        except NotAllowed as error:
            raise Problem(problems.REPLAY_STATE, str(error)) from None
        if control is None:
            return task
        deed = Deed(
            at=now, actor=who.actor, action=f"replays.{action}", subject=task_id, details={"hash": task.plan.hash}
        )
        await self._written(deed, control)
        return task.took(control)

    async def _written(self, deed: Deed, record: Plan | Control | None = None) -> None:
        """The deed, then what it tells of."""
        try:
            await write_deed(self._publisher, deed)
            if record is not None:
                entry = Entry(key_of(record), encode_record(record))
                await self._publisher.publish(OPERATOR_TASKS, PARTITION, [entry])
        except NotPublished as error:
            raise Problem(problems.NOT_TAKEN, str(error)) from error
        except Transient as error:
            raise Problem(problems.OUTCOME_UNKNOWN, str(error)) from error


def _said_why(reason: str) -> str:
    """Whoever changes or discards a dead letter leaves more than a dot in the audit."""
    if len(reason.strip()) < LEAST_REASON:
        raise Problem(problems.REASON_NEEDED, field="reason")
    return reason
