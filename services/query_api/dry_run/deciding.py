"""Takes a partition over for itself alone, as a worker would, and decides one command."""

from collections.abc import Callable
from typing import Final

from libs.book.partition import PartitionState
from libs.events.codec import Unreadable, decode_command
from libs.events.commands import AnyCommand
from libs.events.events import AnyEvent
from libs.events.tail import Plain, describe
from libs.events.topics import ORDER_EVENTS, ORDERS
from libs.events.values import DeadLetterName, Product
from libs.kafka.ports import Log
from libs.matching import Engine
from libs.replays.edits import Unfit, edited
from libs.replays.resending import name_text, resent
from libs.service.clock import Clock
from libs.snapshots.recovering import FoldLimits, Recovered, Recovering
from libs.snapshots.snapshots import Refusal, Snapshots
from services.query_api.dry_run.trial import Trial

LIMITS: Final = FoldLimits(10_000, 0.25)
Json = dict[str, object]


class DryRun:
    """One trial. `log` and `snapshots` are only read."""

    def __init__(self, log: Log, snapshots: Snapshots, clock: Clock) -> None:
        self._log = log
        self._snapshots = snapshots
        self._clock = clock
        self._passed_over: list[str] = []

    async def run(self, trial: Trial) -> Json:
        """The events it would cause; or `unreadable`, `unfit`, or the `fault` that it met again."""
        name = DeadLetterName(trial.partition, trial.offset)
        try:
            command = decode_command(trial.value)
        except Unreadable as error:
            return {"id": name_text(name), "unreadable": str(error)}
        state = (await self._recovered(trial.partition)).state
        now = self._clock.now()
        found: Json = {"id": name_text(name), "seq": state.seq, "snapshots_passed_over": self._passed_over}
        try:
            command = edited(command, dict(trial.changes), _product(state, command.number))
        except Unfit as error:
            return found | {"unfit": {"field": error.field, "why": str(error)}}
        offset = max(await self._next_command(trial.partition), state.command_offset + 1)
        return found | _decided(state, resent(command, name, "dry run", now, now), offset, max(now, state.time))

    async def _recovered(self, partition: int) -> Recovered:
        """Raises Broken, or what the log raises."""
        reader = self._log.reader(ORDER_EVENTS)
        await reader.start()
        try:
            bounds = await reader.bounds(partition)
            recovering = Recovering(reader, partition, bounds, LIMITS, self._refuse)
            found = await recovering.from_first(self._snapshots.stored(partition))
            return await recovering.from_the_start() if found is None else found
        finally:
            await reader.stop()

    def _refuse(self, _partition: int, refusal: Refusal) -> None:
        self._passed_over.append(f"{refusal.store} {refusal.seq}: {refusal.why}")

    async def _next_command(self, partition: int) -> int:
        reader = self._log.reader(ORDERS, committed=False)
        await reader.start()
        try:
            return (await reader.bounds(partition)).end
        finally:
            await reader.stop()


def _decided(state: PartitionState, command: AnyCommand, offset: int, time: int) -> Json:
    products = {number: book.product for number, book in state.products.items()}
    engine = Engine(state.partition, state)
    engine.adopt_rules()
    try:
        events = engine.handle(command, offset, time)
    except Exception as fault:  # noqa: BLE001  # whatever it is, it is what a worker would meet
        return {"fault": f"{type(fault).__name__}: {fault}"}
    return {"events": [_described(event, products.get) for event in events]}


def _described(event: AnyEvent, products: Callable[[int], Product | None]) -> dict[str, Plain]:
    return {"event": type(event).__name__, **describe(event, products(event.number))}


def _product(state: PartitionState, number: int) -> Product | None:
    book = state.products.get(number)
    return None if book is None else book.product
