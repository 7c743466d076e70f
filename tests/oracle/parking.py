"""What failed, and what waits for it: the rules of `docs/reference/failures.md`, as plain lists."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from libs.events.commands import AnyCommand, Envelope, PlaceOrder
from libs.events.events import (
    CommandDeadLettered,
    CommandDeferred,
    CommandRejected,
    CommandResumed,
    DeadLetterClosed,
    OrderRejected,
    TradingStatusChanged,
)
from libs.events.values import (
    NO_ID,
    ClosedReason,
    DeadLetterName,
    FailureCause,
    OrderTerms,
    RejectReason,
    Side,
    TradingStatus,
)
from tests.oracle.journal import Journal, Kind
from tests.oracle.market import Market
from tests.oracle.rejections import KINDS, asked, kind_of

SECOND = 1_000_000_000
WAITS = {1: SECOND, 2: 10 * SECOND, 3: 60 * SECOND}
PARKED_LIMIT = 10_000
LINE_LIMIT = 100
OPEN_LIMIT = 100_000
REPLAY_LIMIT = 3
FAULTS_TO_HALT = 3
MINUTE = 60 * SECOND

Asked = AnyCommand | Envelope
MarketOf = Callable[[int], Market | None]


@dataclass
class Waiting:
    command: Asked
    line: bytes
    cause: FailureCause
    attempt: int = 0
    failures: int = 0
    since: int = 0
    place: PlaceOrder | None = None
    """The order, once a version could read it."""

    def __post_init__(self) -> None:
        self.came(self.command)

    def came(self, command: Asked) -> None:
        self.command = command
        if isinstance(command, PlaceOrder):
            self.place = command

    @property
    def command_id(self) -> bytes:
        return self.command.command_id

    @property
    def is_order(self) -> bool:
        return self.command.order_id == self.command.command_id

    def is_of(self, command: Asked) -> bool:
        mine = self.command
        return (mine.account, mine.number) == (command.account, command.number)

    def is_anothers(self, command: Asked) -> bool:
        """In the same product."""
        return self.command.number == command.number and self.command.account != command.account

    def has_side(self, side: Side | None) -> bool:
        return side is None or self.place is None or self.place.side is side


@dataclass
class Lot:
    """Parked commands in log order, and open dead letters with the replays that they have behind them."""

    partition: int
    market_of: MarketOf
    waiting: list[Waiting] = field(default_factory=list)
    dead_letters: dict[int, int] = field(default_factory=dict)
    faults: list[tuple[int, bytes, int]] = field(default_factory=list)
    """Product number, command and time, since the product's status was last set."""

    def find(self, command_id: bytes) -> Waiting | None:
        return next((each for each in self.waiting if each.command_id == command_id), None)

    def line(self, line: bytes) -> list[Waiting]:
        return [each for each in self.waiting if each.line == line]

    def is_full(self, line: bytes) -> bool:
        return len(self.waiting) >= PARKED_LIMIT or len(self.line(line)) >= LINE_LIMIT

    def user_of_key(self, key: int) -> bytes | None:
        return next((each.command_id for each in self.waiting if key and each.command.key == key), None)

    def order_named(self, command: Asked, name: str | int) -> bytes | None:
        for each in self.waiting:
            if name and each.is_order and each.is_of(command) and (each.command.client_oid or each.command.key) == name:
                return each.command_id
        return None

    def line_of(self, command: Asked, market: Market | None) -> bytes:
        """The order of its own account that it is about, if that is open or something waits for it."""
        order_id = command.order_id or self._named(command, market)
        order = market.find(order_id) if market else None
        if order is not None and order.account != command.account:
            return command.command_id
        line = self.line(order_id)
        if order is not None or (line and line[0].is_of(command)):
            return order_id
        return command.command_id

    def _named(self, command: Asked, market: Market | None) -> bytes:
        order = market.find_client_oid(command.account, command.client_oid) if market else None
        if order is not None:
            return order.order_id
        return (command.client_oid and self.order_named(command, command.client_oid)) or NO_ID

    def defer(self, waits: Waiting, now: int, journal: Journal) -> None:
        command = waits.command
        waits.attempt += 1
        if waits not in self.waiting:
            waits.since = now
            self.waiting.append(waits)
        slowest = self.line(waits.line)[0] if waits.cause is FailureCause.FOLLOWER else waits
        tier = min(max(slowest.failures, 1), 3)
        self._tell(
            journal, command, CommandDeferred, command.order_id, command.client_oid, kind_of(command), waits.cause,
            waits.attempt, waits.failures, tier, now + WAITS[tier], waits.line, command.replay_of,
            terms_of(waits.place),
        )  # fmt: skip

    def resume(self, waits: Waiting, journal: Journal) -> None:
        self.waiting.remove(waits)
        command = waits.command
        journal.aside(
            self.market_of(command.number), command.number, CommandResumed, command.order_id, command.client_oid,
            kind_of(command), waits.attempt, waits.failures,
        )  # fmt: skip

    def bury(self, dead: Waiting, offset: int, now: int, journal: Journal) -> None:
        """A dead letter, and what its client hears; nobody does of bytes without an envelope."""
        command, name = dead.command, dead.command.replay_of
        if dead in self.waiting:
            self.waiting.remove(dead)
        else:
            dead.since = now
        replays = 0 if name is None else self.dead_letters[name.offset] + 1
        self._tell(
            journal, command, CommandDeadLettered, command.order_id, command.client_oid, kind_of(command), dead.cause,
            dead.failures, dead.since, replays, name,
        )  # fmt: skip
        if name is not None:
            self.close(name, ClosedReason.DIED_AGAIN, command, journal)
        if len(self.dead_letters) >= OPEN_LIMIT:
            oldest = min(self.dead_letters)
            self.close(DeadLetterName(self.partition, oldest), ClosedReason.CROWDED_OUT, command, journal)
        self.dead_letters[offset] = replays
        if dead.cause is not FailureCause.UNREADABLE:
            kind, fields = outcome(dead, RejectReason.DEAD_LETTERED, NO_ID)
            self._tell(journal, command, kind, *fields)

    def close(self, name: DeadLetterName, reason: ClosedReason, command: Asked, journal: Journal) -> None:
        if self.dead_letters.pop(name.offset, None) is not None:
            market = self.market_of(command.number)
            journal.aside(market, command.number, DeadLetterClosed, name, reason, "")

    def end_lines(self, lines: set[bytes], journal: Journal) -> int:
        """How many orders there were among what waits there."""
        ended = [each for each in self.waiting if each.line in lines]
        self.waiting = [each for each in self.waiting if each.line not in lines]
        for each in ended:
            kind, fields = outcome(each, RejectReason.CANCELED, each.command_id)
            self._tell(journal, each.command, kind, *fields)
            if each.command.replay_of is not None:
                self.close(each.command.replay_of, ClosedReason.REPLAYED, each.command, journal)
        return sum(each.is_order for each in ended)

    def lines_of(self, market: Market, account: str, side: Side | None) -> set[bytes]:
        mine = (each for each in self.waiting if each.is_order and each.has_side(side))
        return {each.line for each in mine if (each.command.account, each.command.number) == (account, market.number)}

    def lines_in(self, market: Market) -> set[bytes]:
        return {each.line for each in self.waiting if each.command.number == market.number}

    def is_replay_refused(self, command: Asked) -> RejectReason | None:
        name = command.replay_of
        if name is None:
            return None
        if name.partition != self.partition or name.offset not in self.dead_letters:
            return RejectReason.NO_DEAD_LETTER
        return RejectReason.TOO_MANY_REPLAYS if self.dead_letters[name.offset] >= REPLAY_LIMIT else None

    def other_replay(self, command: Asked) -> bytes | None:
        """The parked command that is a replay of the same dead letter."""
        for each in self.waiting:
            if command.replay_of is not None and each.command.replay_of == command.replay_of:
                return each.command_id
        return None

    def count_fault(self, market: Market, command_id: bytes, now: int, journal: Journal) -> None:
        self.faults.append((market.number, command_id, now))
        recent = {who for number, who, when in self.faults if number == market.number and now - when < MINUTE}
        if len(recent) >= FAULTS_TO_HALT and market.product.status is not TradingStatus.HALTED:
            market.product = replace(market.product, status=TradingStatus.HALTED)
            journal.public(market, TradingStatusChanged, market.product)
            self.forget_faults(market)

    def forget_faults(self, market: Market) -> None:
        self.faults = [fault for fault in self.faults if fault[0] != market.number]

    def _tell(self, journal: Journal, command: Asked, kind: Kind, *fields: object) -> None:
        journal.fact(self.market_of(command.number), command.number, kind, *fields)


def terms_of(place: PlaceOrder | None) -> OrderTerms | None:
    if place is None:
        return None
    return OrderTerms(
        place.side, place.type, place.price, place.size, place.funds, place.time_in_force, place.post_only, place.stp,
        place.stop_price, place.max_floor, place.expire_time,
    )  # fmt: skip


def outcome(waits: Waiting, reason: RejectReason, parked_id: bytes) -> tuple[Kind, tuple[object, ...]]:
    if waits.place is not None:
        return OrderRejected, (*asked(waits.place, reason, NO_ID), parked_id)
    command = waits.command
    named = (command.order_id, command.client_oid, reason, NO_ID, parked_id)
    return KINDS.get(kind_of(command), CommandRejected), named
