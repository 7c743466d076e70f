"""Faults of the code itself, one noun each: what the simulation must find, or it proves nothing.

A mutant is the product's own text with a few words changed. It is compiled, and its code put in place of the original's
for as long as it is `in_place`; everything else is as it was. A mutant whose words are no longer there says so.
"""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final, NamedTuple


class Change(NamedTuple):
    """In one function, named as its code names itself."""

    module: str
    function: str
    words: str
    instead: str


class Mutant(NamedTuple):
    name: str
    says: str
    changes: tuple[Change, ...]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(_changed(change))
            yield


@contextmanager
def _changed(change: Change) -> Iterator[None]:
    function = _function(change)
    original = function.__code__
    path = inspect.getsourcefile(original)
    assert path is not None
    text = Path(path).read_text(encoding="utf-8")
    assert text.count(change.words) == 1, f"{change.module} has {change.words!r} {text.count(change.words)} times"
    mutated = _find(compile(text.replace(change.words, change.instead), path, "exec"), change.function)
    assert mutated is not None
    function.__code__ = mutated
    try:
        yield
    finally:
        function.__code__ = original


def _function(change: Change) -> FunctionType:
    found: object = importlib.import_module(change.module)
    for name in change.function.split("."):
        found = inspect.getattr_static(found, name)
    found = inspect.unwrap(found) if callable(found) else found
    assert isinstance(found, FunctionType), f"{change.module}.{change.function} is no function"
    return found


def _find(code: CodeType, name: str) -> CodeType | None:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found = each if each.co_qualname == name else _find(each, name)
            if found is not None:
                return found
    return None


_LANE: Final = "services.orderbook_worker.lane"
_DECIDING: Final = "services.orderbook_worker.deciding"
_TAKEOVER: Final = "services.orderbook_worker.takeover"
_INTAKE: Final = "services.order_api.intake"
_API_LANES: Final = "services.order_api.lanes"
_STORE: Final = "services.read_model_builder.store"
_LIVE: Final = "services.query_api.live"

MUTANTS: Final = (
    Mutant(
        "hasty offset",
        "The group is told the next command before the events of the last are committed.",
        (
            Change(
                _LANE,
                "Lane._commit",
                "        bases = await self._writer.commit(decided.outboxes, position if told else None)\n",
                "        await self._writer.commit([], position)\n"
                "        bases = await self._writer.commit(decided.outboxes, None)\n",
            ),
        ),
    ),
    Mutant(
        "late fence",
        "The state is read before the last owner is fenced.",
        (
            Change(
                _TAKEOVER,
                "Takeover.take",
                "        await writer.start()\n"
                "        try:\n"
                "            _still(is_present)\n"
                '            steps.done("fence")\n'
                "            recovered = await self._recover(partition, kept, steps)\n",
                "        try:\n"
                "            recovered = await self._recover(partition, kept, steps)\n"
                "            await writer.start()\n",
            ),
        ),
    ),
    Mutant(
        "stale offset",
        "A take-over goes on where the group was told, not where the log ends.",
        (
            Change(
                _TAKEOVER,
                "agree",
                "    return following\n",
                "    return following if committed is None else committed\n",
            ),
        ),
    ),
    Mutant(
        "unheeded commit",
        "Nobody looks whether a commit succeeded before the next one.",
        (
            Change(
                _LANE,
                "Lane._settle",
                "        if task is not None:\n            await task\n",
                "        if task is not None:\n            await asyncio.wait({task})\n",
            ),
        ),
    ),
    Mutant(
        "projector without compare-and-set",
        "A position is moved on, wherever another projector left it.",
        (Change(_STORE, "Store._move", "        if moved != len(pieces):\n", "        if moved < 0:\n"),),
    ),
    Mutant(
        "position before its rows",
        "The projector's position is committed by itself, before what it stands for.",
        (
            Change(
                _STORE,
                "Store.commit",
                "            async with self._connection.transaction():\n                await self._move(pieces)\n",
                "            await self._move(pieces)\n            async with self._connection.transaction():\n",
            ),
        ),
    ),
    Mutant(
        "early snapshot",
        "A snapshot is saved when it is due, not when its events are committed.",
        (
            Change(
                _LANE,
                "Lane._decide",
                "        return Batch(decided, self.next_command, self.engine.state.seq, self._dumped_if_due())\n",
                "        data = self._dumped_if_due()\n"
                "        if data is not None:\n"
                "            self._snapshot(self.engine.state.seq, data)\n"
                "        return Batch(decided, self.next_command, self.engine.state.seq, None)\n",
            ),
        ),
    ),
    Mutant(
        "torn snapshot",
        "A snapshot is of the state when it is saved, with what was decided ahead in it.",
        (
            Change(
                _LANE,
                "Lane._commit",
                "            self._snapshot(batch.seq, batch.snapshot)\n",
                "            self._snapshot(batch.seq, dump(self.engine.state))\n",
            ),
        ),
    ),
    Mutant(
        "kept look-ahead",
        "After a failed commit the state is kept, and believed without a look at the log.",
        (
            Change(
                "services.orderbook_worker.worker",
                "Worker._own_once",
                "                self._lanes.pop(partition, None)\n",
                "                self._lanes.pop(partition, None)\n"
                "                self._kept[partition] = lane.committed()\n",
            ),
            Change(
                "libs.snapshots.recovering",
                "Recovering._continued",
                "last if last >= begin and start.state.seq else start.next_event_offset",
                "start.next_event_offset",
            ),
        ),
    ),
    Mutant(
        "reordered batch",
        "A worker decides what it has read in the wrong order, and its own check of that is gone.",
        (
            Change(_LANE, "Lane._take", "        return taken\n", "        return taken[::-1]\n"),
            Change(
                _DECIDING, "Decider._expect", "        if record.offset != self.next_command:\n", "        if False:\n"
            ),
        ),
    ),
    Mutant(
        "worker that mints ids",
        "What is decided depends on more than the log.",
        (
            Change(
                _DECIDING,
                "Decider.decide",
                '                    command = decode(record.value or b"")\n',
                '                    command = decode(record.value or b"")\n'
                '                    minted = f"{self._settings.instance:>8}{record.offset:08}".encode()[-16:]\n'
                "                    command = type(command)("
                "minted, *[getattr(command, name) for name in command.__struct_fields__[1:]])\n",
            ),
        ),
    ),
    Mutant(
        "reordered publish",
        "What one request sends to a partition goes there in another order.",
        (
            Change(
                _API_LANES,
                "Lane._run",
                "for entry in each.entries]",
                "for entry in reversed(each.entries)]",
            ),
        ),
    ),
    Mutant(
        "size too early",
        "New products are spread over new partitions before all owners know of them.",
        (
            Change(
                "cli.growth",
                "Growth.to",
                "            await self._tell_owners(partitions)\n"
                "            if partitions != known.partitions:\n"
                "                await recorder.record(partitions)\n",
                "            await recorder.record(partitions)\n            await self._tell_owners(partitions)\n",
            ),
        ),
    ),
    Mutant(
        "half a command in Postgres",
        "The projector takes events before the last of their command is there.",
        (
            Change(
                "services.read_model_builder.intake",
                "Intake.feed",
                "            if event.last:\n",
                "            if event.seq:\n",
            ),
        ),
    ),
    Mutant(
        "half a command in the book",
        "The live book shows events before the last of their command is there.",
        (Change(_LIVE, "LiveBooks.take", "                if event.last:\n", "                if event.seq:\n"),),
    ),
    Mutant(
        "snapshot without its window",
        "Whoever takes over has forgotten which commands came already.",
        (
            Change(
                "libs.book.snapshot",
                "load",
                "    state.window = window\n",
                "    state.window = type(window)()\n",
            ),
        ),
    ),
    Mutant(
        "second id",
        "A request that was abandoned is published again under a new id.",
        (
            Change(
                _INTAKE,
                "Intake._publish",
                "                payload = verdict.command\n",
                "                payload = intent.payload\n",
            ),
        ),
    ),
    Mutant(
        "unkept claim",
        "A command that may be in the log gives its claim back.",
        (
            Change(
                _INTAKE,
                "Intake._land",
                "Outcome.RELEASED if certain and not again else Outcome.UNKNOWN",
                "Outcome.RELEASED",
            ),
        ),
    ),
    Mutant(
        "early 202",
        "A command counts as accepted although it was not published.",
        (
            Change(
                _API_LANES,
                "_undelivered",
                "        return Delivery((), error)\n",
                "        return Delivery([Ack(0, 0)] * entries)\n",
            ),
        ),
    ),
    Mutant(
        "early settlement",
        "A request is written down as published before it is.",
        (
            Change(
                _INTAKE,
                "Intake._publish",
                "        for sending, flight in flights:\n",
                "        self._idempotency.settle([\n"
                '            self._settlement(Outcome.PUBLISHED, intents[index], entry.value or b"", 0)\n'
                "            for sending, _ in flights\n"
                "            for index, entry in zip(sending.indices, sending.entries, strict=True)\n"
                "            if intents[index].repeat_key\n"
                "        ])\n"
                "        for sending, flight in flights:\n",
            ),
        ),
    ),
    Mutant(
        "torn bootstrap",
        "The live book's tables and their position are of two moments.",
        (
            Change(
                "libs.read_model.bootstrap",
                "read_books",
                '    async with connection.transaction(isolation="repeatable_read", readonly=True):\n'
                "        positions = await read_positions(connection)\n"
                "        products = [_product_state(row) for row in await connection.fetch(_PRODUCTS)]\n"
                "        rows = await connection.fetch(_ORDERS)\n",
                "    async with connection.transaction(readonly=True):\n"
                "        rows = await connection.fetch(_ORDERS)\n"
                "        products = [_product_state(row) for row in await connection.fetch(_PRODUCTS)]\n"
                "        positions = await read_positions(connection)\n",
            ),
        ),
    ),
    Mutant(
        "hole behind the bootstrap",
        "The live book goes on behind the place that its tables stand for, and passes over what does not fit.",
        (
            Change(
                _LIVE,
                "LiveBooks.begin",
                "            self.tails[partition] = Tail(state, position.next_offset)\n",
                "            self.tails[partition] = Tail(state, position.next_offset + 1)\n",
            ),
            Change(
                _LIVE, "LiveBooks.take", "            tail.stopped = str(failure)\n", "            tail.held.clear()\n"
            ),
        ),
    ),
)
