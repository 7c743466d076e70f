"""The oracle: the rules of `docs/reference/matching.md`, written to be read and with no thought of speed.

It shares nothing with the engine but the messages. `NaiveEngine.handle` gives the very events that the engine must.
"""

from msgspec.structs import replace

from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    DiscardDeadLetter,
    Envelope,
    ListProduct,
    PlaceOrder,
    SetClusterSize,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import (
    AnyEvent,
    CancelAllAfterDisarmed,
    DeadLetterClosed,
    DuplicateIgnored,
    RulesChanged,
    TimeAdvanced,
)
from libs.events.ids import key_digest
from libs.events.values import NO_ID, ClosedReason, DoneReason, FailureCause, RejectReason
from tests.oracle import accounts, orders, products
from tests.oracle.deadlines import run_deadlines
from tests.oracle.journal import Journal
from tests.oracle.market import Market, Order
from tests.oracle.parking import WAITS, Asked, Lot, Waiting
from tests.oracle.rejections import reject
from tests.oracle.window import CAPACITY, Window

CLOCK_LEAD = 5_000_000_000
NOBODY = Envelope(0, NO_ID, "", 0, NO_ID, "", 0, 0, 0, None)
"""Sent what has no envelope."""

MarketCommand = PlaceOrder | CancelAllOrders | ArmCancelAllAfter | UpdateProduct | SetTradingStatus | DelistProduct


class NaiveEngine:
    def __init__(self, partition: int, window_capacity: int = CAPACITY) -> None:
        self.listings = products.Listings(partition)
        self.lot = Lot(partition, self.listings.by_number.get)
        self.window = Window(window_capacity)
        self.now = 0
        """Engine time."""
        self.seq = 0
        self.offset = -1

    def adopt_rules(self, rules: int) -> list[AnyEvent]:
        self.seq += 1
        return [RulesChanged(self.seq, 0, 0, self.now, self.offset, b"", True, "", 0, 0, rules)]

    def handle(self, command: AnyCommand, offset: int, time: int) -> list[AnyEvent]:
        self.now = max(self.now, time)
        self.offset = offset
        journal = Journal(command, offset, self.now, self.seq)
        run_deadlines(self._markets_of(command), self.now, self.lot, journal)
        journal.begin()
        self.window.forget(self.now)
        waits = self.lot.find(command.command_id)
        if waits is not None and waits.attempt == command.attempt:
            self._return(command, waits, journal)
        elif not self._is_refused(command, time, journal):
            self._hear(command, journal)
        self.seq = journal.seq
        return journal.close()

    def fail(self, command: Asked | None, offset: int, time: int, cause: FailureCause) -> list[AnyEvent]:
        """A command that the engine was told has failed."""
        self.now = max(self.now, time)
        self.offset = offset
        journal = Journal(command or NOBODY, offset, self.now, self.seq)
        journal.begin()
        self.window.forget(self.now)
        if command is None:
            self.lot.bury(Waiting(NOBODY, NO_ID, cause, failures=1), offset, self.now, journal)
        else:
            self._fail(command, time, cause, journal)
        self.seq = journal.seq
        return journal.close()

    def drop_deadline(self, number: int, name: str | bytes) -> list[AnyEvent]:
        """A deadline that cannot happen: the fact of no command."""
        market = self.listings.by_number[number]
        nobody = replace(NOBODY, account=name) if isinstance(name, str) else NOBODY
        journal = Journal(nobody, self.offset, self.now, self.seq)
        if isinstance(name, str):
            journal.begin()
            del market.switches[name]
            journal.private(market, CancelAllAfterDisarmed)
        else:
            order = market.find(name)
            assert order is not None
            orders.end(market, order, DoneReason.DEAD_LETTERED, journal)
        self.seq = journal.seq
        return journal.close()

    def _fail(self, command: Asked, time: int, cause: FailureCause, journal: Journal) -> None:
        lot, market = self.lot, self.listings.by_number.get(command.number)
        waits = lot.find(command.command_id)
        if waits is not None and waits.attempt != command.attempt:
            waits = None
        if waits is None and self._is_refused(command, time, journal):
            return
        if waits is not None:
            if lot.line(waits.line)[0] is not waits and cause is not FailureCause.CRASH:
                self._defer(waits, command, FailureCause.FOLLOWER, journal)
                return
            if lot.is_replay_refused(command) is not None:
                lot.resume(waits, journal)
                self._refuse_replay(command, journal)
                return
        self._remember(command)
        faulted_before = waits is not None and waits.cause is FailureCause.FAULT
        failed = waits or Waiting(command, lot.line_of(command, market), cause)
        failed.came(command)
        failed.cause = cause
        failed.failures += 1
        no_room = waits is None and lot.is_full(failed.line)
        again = cause is FailureCause.FAULT and faulted_before
        if cause is FailureCause.CRASH or no_room or again or failed.failures > len(WAITS):
            lot.bury(failed, self.offset, self.now, journal)
        else:
            lot.defer(failed, self.now, journal)
        if cause is FailureCause.FAULT and market is not None:
            lot.count_fault(market, command.command_id, self.now, journal)

    def _defer(self, waits: Waiting, command: Asked, cause: FailureCause, journal: Journal) -> None:
        waits.came(command)
        waits.cause = cause
        self._remember(command)
        self.lot.defer(waits, self.now, journal)

    def _return(self, command: AnyCommand, waits: Waiting, journal: Journal) -> None:
        """A parked command comes back, and it is the attempt that is awaited."""
        lot = self.lot
        if lot.line(waits.line)[0] is not waits:
            self._defer(waits, command, FailureCause.FOLLOWER, journal)
            return
        lot.resume(waits, journal)
        if lot.is_replay_refused(command) is not None:
            self._refuse_replay(command, journal)
            return
        if isinstance(command, AmendOrder | CancelOrder) and waits.line != command.command_id:
            command = replace(command, order_id=waits.line)
        self._take(command, journal)

    def _take(self, command: AnyCommand, journal: Journal) -> None:
        """It is decided, and what it is a replay of is closed by that."""
        market = self.listings.by_number.get(command.number)
        if command.replay_of is not None:
            self.lot.close(command.replay_of, ClosedReason.REPLAYED, command, journal)
        self._obey(command, market, journal)
        self._remember(command)

    def _hear(self, command: AnyCommand, journal: Journal) -> None:
        """A command that comes for the first time."""
        lot, market = self.lot, self.listings.by_number.get(command.number)
        if not isinstance(command, AmendOrder | CancelOrder):
            self._take(command, journal)
            return
        line = lot.line_of(command, market)
        if lot.line(line) and isinstance(command, CancelOrder):
            self._cancel_line(command, line, journal)
        elif lot.line(line) and lot.is_full(line):
            reject(command, RejectReason.TOO_MANY_PARKED, market, journal)
            self._remember(command)
        elif lot.line(line):
            self._defer(Waiting(command, line, FailureCause.FOLLOWER), command, FailureCause.FOLLOWER, journal)
        else:
            self._take(command, journal)

    def _cancel_line(self, command: CancelOrder, line: bytes, journal: Journal) -> None:
        """The order ends, parked or open, and what waits for it."""
        market = self.listings.by_number.get(command.number)
        if self.lot.find(line) is None:
            is_open = market is not None and market.find(line) is not None
            self._take(command, journal)
            if is_open:
                self.lot.end_lines({line}, journal)
            return
        if command.replay_of is not None:
            self.lot.close(command.replay_of, ClosedReason.REPLAYED, command, journal)
        self.lot.end_lines({line}, journal)
        self._remember(command)

    def _remember(self, command: Asked) -> None:
        self.window.remember(self.now, command.command_id, command.key, command.sent)

    def _refuse_replay(self, command: Asked, journal: Journal) -> None:
        reason = self.lot.is_replay_refused(command)
        assert reason is not None
        reject(command, reason, self.listings.by_number.get(command.number), journal)
        self._remember(command)

    def _is_refused(self, command: Asked, time: int, journal: Journal) -> bool:
        """A repeat, one that cannot be told from a repeat, or a replay that is not taken."""
        market = self.listings.by_number.get(command.number)
        if self._is_known(command):
            journal.fact(market, command.number, DuplicateIgnored, command.order_id)
            return True
        if command.sent <= self.window.watermark:
            reject(command, RejectReason.STALE, market, journal)
            return True
        if command.sent > time + CLOCK_LEAD:
            reject(command, RejectReason.CLOCK, market, journal)
            self.window.remember(self.now, command.command_id, command.key, sent=0)
            return True
        first = self._first_user(command, market)
        if first is None and self.lot.is_replay_refused(command) is not None:
            self._refuse_replay(command, journal)
            return True
        first = self.lot.other_replay(command) if first is None else first
        if first is not None:
            reject(command, RejectReason.DUPLICATE, market, journal, first)
            self.window.remember(self.now, command.command_id, key=0, sent=command.sent)
        return first is not None

    def _obey(self, command: AnyCommand, market: Market | None, journal: Journal) -> None:
        if isinstance(command, ListProduct):
            self.listings.list(command, journal)
        elif isinstance(command, SetClusterSize):
            self.listings.resize(command, market, journal)
        elif isinstance(command, AdvanceTime):
            journal.unlisted(0, TimeAdvanced)
        elif isinstance(command, DiscardDeadLetter):
            self._discard(command, market, journal)
        elif market is None:
            reject(command, RejectReason.UNKNOWN_PRODUCT, None, journal)
        elif isinstance(command, AmendOrder | CancelOrder):
            self._change(command, market, journal)
        else:
            self._run(command, market, journal)

    def _discard(self, command: DiscardDeadLetter, market: Market | None, journal: Journal) -> None:
        name, letters = command.dead_letter, self.lot.dead_letters
        if name.partition != self.lot.partition or name.offset not in letters:
            reject(command, RejectReason.NO_DEAD_LETTER, market, journal)
            return
        del letters[name.offset]
        journal.fact(market, command.number, DeadLetterClosed, name, ClosedReason.DISCARDED, command.note)

    def _run(self, command: MarketCommand, market: Market, journal: Journal) -> None:
        match command:
            case PlaceOrder():
                orders.place(command, market, self.now, journal)
            case CancelAllOrders():
                accounts.cancel_all(command, market, self.lot, journal)
            case ArmCancelAllAfter():
                accounts.arm(command, market, self.now, journal)
            case UpdateProduct():
                products.update(command, market, journal)
            case SetTradingStatus():
                products.set_status(command, market, self.lot, journal)
            case DelistProduct():
                self.listings.delist(market, self.lot, journal)

    def _change(self, command: AmendOrder | CancelOrder, market: Market, journal: Journal) -> None:
        order = self._find(command, market)
        parked = self.lot.find(command.order_id)
        if parked is not None and parked.is_order and parked.is_anothers(command):
            reject(command, RejectReason.NOT_OWNER, market, journal)
        elif order is None:
            reason = RejectReason.ORDER_DONE if self._remembers_order(command) else RejectReason.UNKNOWN_ORDER
            reject(command, reason, market, journal)
        elif isinstance(command, AmendOrder):
            orders.amend(command, order, market, self.now, journal)
        else:
            orders.cancel(command, order, market, journal)

    def _find(self, command: AmendOrder | CancelOrder, market: Market) -> Order | None:
        if command.order_id != NO_ID:
            return market.find(command.order_id)
        return market.find_client_oid(command.account, command.client_oid)

    def _remembers_order(self, command: AmendOrder | CancelOrder) -> bool:
        if command.order_id != NO_ID:
            return command.order_id in self.window
        digest = key_digest(command.account, command.number, command.client_oid)
        return command.client_oid != "" and self.window.user_of(digest) is not None

    def _markets_of(self, command: AnyCommand) -> list[Market]:
        markets = self.listings.by_number
        if isinstance(command, AdvanceTime):
            return list(markets.values())
        return [markets[command.number]] if command.number in markets else []

    def _is_known(self, command: Asked) -> bool:
        market = self.listings.by_number.get(command.number)
        is_open = market is not None and self._is_place(command) and market.find(command.command_id) is not None
        comes_back = command.attempt != 0 and command.sent <= self.window.watermark
        is_parked = self.lot.find(command.command_id) is not None
        return is_open or comes_back or is_parked or command.command_id in self.window

    def _first_user(self, command: Asked, market: Market | None) -> bytes | None:
        """The remembered or parked command, or the order, that took the command's key, or a place's client_oid."""
        for first in (self.window.user_of(command.key), self.lot.user_of_key(command.key)):
            if first is not None:
                return first
        by_client_oid = self._is_place(command) and command.client_oid
        if market is not None:
            if by_client_oid:
                order = market.find_client_oid(command.account, command.client_oid)
            else:
                order = market.find_key(command.account, command.key)
            if order is not None:
                return order.order_id
        return self.lot.order_named(command, command.client_oid if by_client_oid else command.key)

    def _is_place(self, command: Asked) -> bool:
        return isinstance(command, PlaceOrder) or (
            isinstance(command, Envelope) and command.order_id == command.command_id
        )
