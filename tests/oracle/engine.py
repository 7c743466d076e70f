"""The oracle: the rules of `docs/reference/matching.md`, written to be read and with no thought of speed.

It shares nothing with the engine but the messages. `NaiveEngine.handle` gives the very events that the engine must.
"""

from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    DiscardDeadLetter,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import AnyEvent, DuplicateIgnored, RulesChanged, TimeAdvanced
from libs.events.ids import key_digest
from libs.events.values import NO_ID, RejectReason
from tests.oracle import accounts, orders, products
from tests.oracle.deadlines import run_deadlines
from tests.oracle.journal import Journal
from tests.oracle.market import Market, Order
from tests.oracle.rejections import reject
from tests.oracle.window import CAPACITY, Window

CLOCK_LEAD = 5_000_000_000

MarketCommand = PlaceOrder | CancelAllOrders | ArmCancelAllAfter | UpdateProduct | SetTradingStatus | DelistProduct


class NaiveEngine:
    def __init__(self, partition: int, window_capacity: int = CAPACITY) -> None:
        self.listings = products.Listings(partition)
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
        run_deadlines(self._markets_of(command), self.now, journal)
        journal.begin()
        self.window.forget(self.now)
        if self._is_known(command):
            self._write(journal, command.number, DuplicateIgnored, command.order_id)
        else:
            self._decide(command, time, journal)
        self.seq = journal.seq
        return journal.close()

    def _decide(self, command: AnyCommand, time: int, journal: Journal) -> None:
        market = self.listings.by_number.get(command.number)
        if command.sent <= self.window.watermark:
            reject(command, RejectReason.STALE, market, journal)
            return
        is_ahead = command.sent > time + CLOCK_LEAD
        first = self._first_user(command, market)
        if is_ahead:
            reject(command, RejectReason.CLOCK, market, journal)
        elif first is not None:
            reject(command, RejectReason.DUPLICATE, market, journal, first)
        elif command.replay_of is not None:
            reject(command, RejectReason.NO_DEAD_LETTER, market, journal)
        else:
            self._obey(command, market, journal)
        is_duplicate = first is not None and not is_ahead
        self.window.remember(
            self.now, command.command_id, key=0 if is_duplicate else command.key, sent=0 if is_ahead else command.sent
        )

    def _obey(self, command: AnyCommand, market: Market | None, journal: Journal) -> None:
        if isinstance(command, ListProduct):
            self.listings.list(command, journal)
        elif isinstance(command, AdvanceTime):
            journal.unlisted(0, TimeAdvanced)
        elif isinstance(command, DiscardDeadLetter):
            reject(command, RejectReason.NO_DEAD_LETTER, market, journal)
        elif market is None:
            reject(command, RejectReason.UNKNOWN_PRODUCT, None, journal)
        elif isinstance(command, AmendOrder | CancelOrder):
            self._change(command, market, journal)
        else:
            self._run(command, market, journal)

    def _run(self, command: MarketCommand, market: Market, journal: Journal) -> None:
        match command:
            case PlaceOrder():
                orders.place(command, market, self.now, journal)
            case CancelAllOrders():
                accounts.cancel_all(command, market, journal)
            case ArmCancelAllAfter():
                accounts.arm(command, market, self.now, journal)
            case UpdateProduct():
                products.update(command, market, journal)
            case SetTradingStatus():
                products.set_status(command, market, journal)
            case DelistProduct():
                self.listings.delist(market, journal)

    def _change(self, command: AmendOrder | CancelOrder, market: Market, journal: Journal) -> None:
        order = self._find(command, market)
        if order is None:
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

    def _is_known(self, command: AnyCommand) -> bool:
        market = self.listings.by_number.get(command.number)
        is_open = isinstance(command, PlaceOrder) and market is not None and market.find(command.command_id) is not None
        comes_back = command.attempt != 0 and command.sent <= self.window.watermark
        return is_open or comes_back or command.command_id in self.window

    def _first_user(self, command: AnyCommand, market: Market | None) -> bytes | None:
        """The remembered command, or the open order, that took the command's key, or a place's client_oid."""
        first = self.window.user_of(command.key)
        if first is not None or market is None:
            return first
        if isinstance(command, PlaceOrder) and command.client_oid:
            order = market.find_client_oid(command.account, command.client_oid)
        else:
            order = market.find_key(command.account, command.key)
        return order.order_id if order else None

    def _write(self, journal: Journal, number: int, kind: type[DuplicateIgnored], order_id: bytes) -> None:
        market = self.listings.by_number.get(number)
        if market is None:
            journal.unlisted(number, kind, order_id)
        else:
            journal.private(market, kind, order_id)
