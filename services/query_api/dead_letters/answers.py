"""The answers to operators: dead letters, what a replay of one would do, replays, and who did what."""

from libs.access.caller import require_role
from libs.access.scopes import Scope as Role
from libs.events.ids import partition_of
from libs.events.values import Product
from libs.read_model.dead_letters import DeadLetterCursor, DeadLetterRow
from libs.replays.board import Board
from libs.replays.views import summary, whole
from libs.service.http import Scope
from libs.service.problems import REPLAY_NOT_FOUND, Problem
from services.query_api.dead_letters import parameters, views
from services.query_api.dead_letters.reads import DeadLetterReads
from services.query_api.dead_letters.trials import Trials
from services.query_api.dry_run.trial import Trial, changes_in
from services.query_api.requests import Asked, asked
from services.query_api.sources import Answer, Sources, answer


class DeadLetterAnswers:
    def __init__(self, sources: Sources, reads: DeadLetterReads, board: Board, trials: Trials) -> None:
        self._sources = sources
        self._reads = reads
        self._board = board
        self._trials = trials

    async def letters(self, scope: Scope) -> Answer:
        request = await self._viewer(scope, *parameters.PAGE)
        rows = await self._reads.page(parameters.page(request.given, self._sources.limit(request)))
        ends = (_cursor(rows[0]), _cursor(rows[-1])) if rows else ("", "")
        return answer([views.letter(row) for row in rows], *ends)

    async def letter(self, scope: Scope, name: str) -> Answer:
        await self._viewer(scope)
        row = await self._reads.row(parameters.letter_name(name))
        found, around = await self._reads.letter(row.name), await self._reads.around(row)
        return answer(
            views.letter(row)
            | views.record(found, self._product)
            | {
                "commands_around": views.commands(around.commands, self._product),
                "events_around": views.events(around.events, self._product),
            }
        )

    async def dry_run(self, scope: Scope, name: str, body: bytes) -> Answer:
        await self._viewer(scope)
        row = await self._reads.row(parameters.letter_name(name))
        found = await self._reads.letter(row.name)
        trial = Trial(row.partition, row.command_offset, found.value, changes_in(body))
        return Answer(await self._trials.run(trial))

    async def replays(self, scope: Scope) -> Answer:
        request = await self._viewer(scope, "state", "limit")
        wanted, limit = parameters.state(request.given), self._sources.limit(request)
        tasks = sorted((await self._board.current()).values(), key=lambda task: task.plan.created, reverse=True)
        return answer([summary(task) for task in tasks if wanted in (None, task.state)][:limit])

    async def replay(self, scope: Scope, task_id: str) -> Answer:
        await self._viewer(scope)
        task = (await self._board.current()).get(task_id)
        if task is None:
            raise Problem(REPLAY_NOT_FOUND, field="id")
        return answer(whole(task, self._product))

    async def audit(self, scope: Scope) -> Answer:
        """Newest first; `after` is the id of the last one seen."""
        request = await self._viewer(scope, "limit", "after")
        deeds = await self._reads.deeds(self._sources.limit(request), request.given.number("after"))
        ends = (str(deeds[0].offset), str(deeds[-1].offset)) if deeds else ("", "")
        return answer([views.deed(each) for each in deeds], *ends)

    async def _viewer(self, scope: Scope, *known: str) -> Asked:
        request = asked(scope, *known)
        require_role(request.who, Role.VIEWER)
        await self._sources.project(request)
        return request

    def _product(self, number: int) -> Product | None:
        tail = self._sources.live.tails.get(partition_of(number))
        book = None if tail is None else tail.state.products.get(number)
        return None if book is None else book.product


def _cursor(row: DeadLetterRow) -> str:
    return parameters.cursor_text(DeadLetterCursor(row.died_at, row.partition, row.command_offset))
