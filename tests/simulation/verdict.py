"""Whether a run was right, from its logs and tables: the invariants of ARCHITECTURE.md, by the exchange of `sim.check`.

That one has rules of its own and shares no code with the services but the codec, so what both got wrong in the same way
is all that could pass.
"""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from libs.book.fold import fold
from libs.book.invariants import check
from libs.book.partition import PartitionState
from libs.book.snapshot import state_hash
from libs.events import topics
from libs.events.codec import decode_command, decode_event
from libs.events.commands import AnyCommand
from libs.events.events import (
    REJECTIONS,
    AnyEvent,
    CommandDeadLettered,
    CommandDeferred,
    DuplicateIgnored,
    OrderAccepted,
    ProductListed,
)
from libs.events.ids import number_of
from libs.events.values import RejectReason, Side
from libs.read_model.candles import GRANULARITIES, NANOSECONDS
from services.query_api.books import encoded
from sim.check.difference import Difference, same
from sim.check.run import Partition
from sim.check.tables import Connection, positions
from sim.exchange import Book
from sim.live import Live
from tests.simulation.traders import Client, Receipt
from tests.simulation.world import World

_MOST: Final = 1_000_000
_BOOK: Final = msgspec.json.Decoder(Book)
_NOT_DECIDED: Final = frozenset((RejectReason.DUPLICATE, RejectReason.STALE, RejectReason.WRONG_PARTITION))


async def judge(world: World, clients: Sequence[Client]) -> None:
    """Raise Difference for the first thing that is wrong. Everything stands still meanwhile."""
    if world.failures:
        raise Difference(world.failures[0])
    for client in clients:
        same(f"requests of {client.account} without an answer", "", client.unanswered)
    connection = await world.postgres.connect("check", 60.0)
    for partition in range(world.partitions):
        await _compare(world, partition, connection)
        found = Log(world, partition)
        _committed_stays(world, partition, found)
        _copied(world, partition, found)
        _states(world, partition, found)
        _receipts(world, partition, found, clients)
    _sums(world)
    _answers(world, clients)


class Log:
    """What stands in one partition at the end."""

    def __init__(self, world: World, partition: int) -> None:
        asked, _ = world.broker.log_of(topics.ORDERS)[partition].read(0, _MOST, committed=False)
        told, _ = world.broker.log_of(topics.ORDER_EVENTS)[partition].read(0, _MOST, committed=True)
        self.commands: list[AnyCommand] = [decode_command(record.value or b"") for record in asked]
        self.values = [(record.offset, record.value) for record in told]
        self.events: list[AnyEvent] = [decode_event(record.value or b"") for record in told]
        self.first: dict[int, AnyEvent] = {}
        """The event that says what became of a command, by its offset."""
        self._put_off: dict[bytes, int] = {}
        """Where a command was put off first, of those that never came back: another one ended them."""
        ended = {event.parked_id for event in self.events if isinstance(event, REJECTIONS)}
        for event in self.events:
            if isinstance(event, CommandDeferred) and event.command_id in ended:
                self._put_off.setdefault(event.command_id, event.command_offset)
            if event.account or event.command_offset not in self.first:
                self.first[event.command_offset] = event

    def acted(self, offset: int) -> bool:
        """Whether a command was decided as what it is or given up for good: no repeat, put off, or for another partition."""
        event = self.first.get(offset)
        if isinstance(event, CommandDeferred):
            return self._put_off.get(event.command_id) == offset
        if event is None or isinstance(event, DuplicateIgnored):
            return False
        return not (isinstance(event, REJECTIONS) and event.reason in _NOT_DECIDED)

    def sent_away(self, offset: int) -> bool:
        """Whether it is a listing that belongs to another partition since the exchange has grown."""
        event = self.first.get(offset)
        return isinstance(event, REJECTIONS) and event.reason is RejectReason.WRONG_PARTITION


async def _compare(world: World, partition: int, connection: Connection) -> None:
    """Invariants 1, 2, 3, 5, 6 and 9, and the books that the API shows: event by event, row by row."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        position = (await positions(connection))[partition]
        for name, live in sorted(world.live.items()):
            shown = _shown(live.tails[partition].state)
            compared = await Partition(world.witness_log, partition, Live(io.StringIO())).compare(
                connection, position, shown
            )
            same(
                f"commands of orders/{partition} without an outcome",
                0,
                len(compared.asked) - 1 - compared.outcomes.command,
            )
            same(f"books of {name} that are not those of any moment of the log", {}, shown)


def _sums(world: World) -> None:
    """Invariant 9, where trades are added up: every candle and every holding is what the trades of it come to."""
    moment = world.postgres.moment
    traded, held = Counter[tuple[int, int, int]](), Counter[tuple[str, int, str]]()
    for trade in moment["trades"].values():
        for granularity in GRANULARITIES:
            length = granularity * NANOSECONDS
            traded[trade["number"], granularity, trade["time"] // length * length] += trade["size"]
        sides = ("sold", "bought") if trade["taker_side"] == Side.BUY else ("bought", "sold")
        for account, side in zip((trade["maker_account"], trade["taker_account"]), sides, strict=True):
            held[account, trade["number"], side] += trade["size"]
    candles = {key: int(row["volume"]) for key, row in moment["candles"].items()}
    same("volumes of candles", dict(traded), candles)
    found = Counter[tuple[str, int, str]]()
    for row in moment["holdings"].values():
        for side in ("bought", "sold"):
            found[row["account"], row["number"], side] += int(row[side])
    same("holdings", held, found)


def _shown(state: PartitionState) -> dict[str, Book]:
    """As the API encodes them."""
    return {book.product.product_id: _BOOK.decode(encoded(book, 3, state.time)) for book in state.products.values()}


def _committed_stays(world: World, partition: int, found: Log) -> None:
    """Invariant 8."""
    seen = [(each.offset, each.value) for each in world.witness.seen[partition]]
    same(f"what a committed reader of order-events/{partition} was shown in the course of the run", found.values, seen)


def _copied(world: World, partition: int, found: Log) -> None:
    """What was put off, and what died, stands once in the topic where it is looked for: in the same transaction."""
    deferred = Counter(topics.RETRIES[event.tier - 1] for event in found.events if isinstance(event, CommandDeferred))
    wanted = deferred | Counter({topics.DLQ: sum(isinstance(event, CommandDeadLettered) for event in found.events)})
    for topic in (*topics.RETRIES, topics.DLQ):
        records, _ = world.broker.log_of(topic)[partition].read(0, _MOST, committed=True)
        same(f"commands in {topic}/{partition}", wanted[topic], len(records))


def _states(world: World, partition: int, found: Log) -> None:
    """Invariants 4 and 10: every state that was saved, and those of the owners, are what the events add up to."""
    wanted: dict[int, set[str]] = {}
    for saved in world.witness.saved:
        if saved.partition == partition:
            wanted.setdefault(saved.seq, set()).add(saved.state_hash)
    state = PartitionState(partition)
    for event in found.events:
        fold(state, event)
        if event.seq in wanted:
            same(f"snapshots of partition {partition} at seq {event.seq}", {state_hash(state)}, wanted[event.seq])
    check(state)
    for name, worker in sorted(world.workers.items()):
        lane = worker._lanes.get(partition)
        if lane is not None and lane.engine.state.seq == state.seq:
            same(f"state of partition {partition} in {name}", state_hash(state), state_hash(lane.engine.state))


def _receipts(world: World, partition: int, found: Log, clients: Sequence[Client]) -> None:
    """Every 202 stands where it was said to be."""
    for client in clients:
        for receipts in client.receipts.values():
            for receipt in receipts:
                if receipt.partition != partition:
                    continue
                what = f"command {partition}:{receipt.offset}, which was answered with 202 to {receipt.key}"
                if receipt.offset >= len(found.commands):
                    raise Difference(f"{what}: orders has {len(found.commands)}")
                same(what, receipt.command_id.hex(), found.commands[receipt.offset].command_id.hex())


def _answers(world: World, clients: Sequence[Client]) -> None:
    """Invariant 7: of all that was sent for one request exactly one acted, and everybody was told the same of it."""
    logs = [Log(world, partition) for partition in range(world.partitions)]
    acts, sent_away = Counter[tuple[str, int]](), set[tuple[str, int]]()
    for log in logs:
        for offset, command in enumerate(log.commands):
            if command.key and log.acted(offset):
                acts[command.account, command.key] += 1
            elif log.sent_away(offset):
                sent_away.add((command.account, command.key))
    for client in clients:
        for key, receipts in client.receipts.items():
            command = logs[receipts[0].partition].commands[receipts[0].offset]
            request = (command.account, command.key)
            same(f"commands that acted for {key}", 1, acts[request] or int(request in sent_away))
            _same_answer(world, key, receipts, logs)
    _accepted_once(logs)
    _in_one_place(logs)


def _same_answer(world: World, key: str, receipts: Sequence[Receipt], logs: Sequence[Log]) -> None:
    """While Redis keeps what it is told, a request has one id, however often it is sent, and that one acts. A product
    that was listed anew is another one, and so is a request about it."""
    remembers = not world.redis_lost and "redis away" not in world.chaos.counts
    if remembers:
        ids = {receipt.command_id for receipt in receipts}
        same(f"ids that were answered to {key}", len({number_of(each) for each in ids}), len(ids))
        log, told = logs[receipts[0].partition], receipts[0].command_id
        places = [at for at, command in enumerate(log.commands) if command.command_id == told]
        acted = any(log.acted(at) or log.sent_away(at) for at in places)
        same(f"the command that was answered to {key} is the one that acted", True, acted)


def _accepted_once(logs: Sequence[Log]) -> None:
    accepted: dict[tuple[str, str, int], bytes] = {}
    for log in logs:
        for event in log.events:
            if isinstance(event, OrderAccepted) and event.client_oid:
                name = (event.account, event.client_oid, event.number)
                same(f"orders accepted under the name {name}", None, accepted.get(name))
                accepted[name] = event.order_id


def _in_one_place(logs: Sequence[Log]) -> None:
    """However many partitions there are by now."""
    places: dict[str, int] = {}
    for partition, log in enumerate(logs):
        for event in log.events:
            if isinstance(event, ProductListed):
                name = event.product.product_id
                same(f"the partition in which {name} is listed", places.setdefault(name, partition), partition)


def summary(world: World) -> Mapping[str, int]:
    return {"steps": world.loop.steps, **world.chaos.counts}
